import { type Behaviour, refresh, type TokenAnswer } from './misbehaviours.ts';
import { openHttpServer, type Received, sendJson } from './open-server.ts';

/** A token endpoint that reacts to each request as a test scripts it. Without a script it answers with new tokens. */
export interface MisbehavingProvider {
  readonly url: string;
  readonly tokenUrl: string;
  /** RFC 7662. A refresh token is active until the token endpoint has received it, whatever the answer was. */
  readonly introspectionUrl: string;
  /** Appends the reactions to the next requests, in order. */
  readonly script: (...behaviours: readonly Behaviour[]) => void;
  /** Sets the reaction to requests without a script. */
  readonly otherwise: (behaviour: Behaviour) => void;
  /** The token requests so far. */
  readonly requests: readonly Received[];
  /** The refresh tokens in them, in order. */
  readonly refreshTokens: () => readonly (string | null)[];
  /** The tokens of the latest right answer, sent or not; null before the first request. */
  readonly latest: () => TokenAnswer | null;
  readonly close: () => Promise<void>;
}

/** Opens one on a free port of 127.0.0.1. It checks neither client nor token. */
export const openMisbehavingProvider = async ({ expiresIn = 3_600 } = {}): Promise<MisbehavingProvider> => {
  const script: Behaviour[] = [];
  const requests: Received[] = [];
  let rest: Behaviour = refresh();
  let latest: TokenAnswer | null = null;
  const server = await openHttpServer((received, response) => {
    if (received.path === '/introspect') {
      const token = new URLSearchParams(received.body).get('token');
      const spent = requests.some((request) => refreshTokenIn(request) === token);
      return sendJson(response, 200, { active: !spent });
    }
    if (received.method !== 'POST' || received.path !== '/token') {
      response.writeHead(404).end();
      return;
    }
    const number = requests.push(received);
    latest = {
      access_token: `access-${number}`,
      refresh_token: `refresh-${number}`,
      token_type: 'Bearer',
      expires_in: expiresIn,
    };
    (script.shift() ?? rest)(response, latest);
  });
  return {
    url: server.url,
    tokenUrl: `${server.url}/token`,
    introspectionUrl: `${server.url}/introspect`,
    script: (...behaviours) => {
      script.push(...behaviours);
    },
    otherwise: (behaviour) => {
      rest = behaviour;
    },
    requests,
    refreshTokens: () => requests.map(refreshTokenIn),
    latest: () => latest,
    close: server.close,
  };
};

/** Requests are forms or JSON, by the profile. */
const refreshTokenIn = ({ headers, body }: Received): string | null => {
  if (!headers['content-type']?.startsWith('application/json')) return new URLSearchParams(body).get('refresh_token');
  const { refresh_token: token } = JSON.parse(body) as { readonly refresh_token?: string }; // what the vault sends
  return token ?? null;
};
