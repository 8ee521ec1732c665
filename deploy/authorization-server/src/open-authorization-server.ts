import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { endGrant } from './adapt-storage.ts';
import { configureProvider, type Lifetimes, type RegisteredClient } from './configure-provider.ts';
import { type ConsentTokens, consent } from './consent.ts';
import { countRequests, type RequestCounts } from './count-requests.ts';
import { endpointsAt, profileAt, type ServerProfile } from './describe-server.ts';
import { type GrantStorage, inMemory } from './grant-storage.ts';
import { serveConsent } from './serve-consent.ts';

/** A certified OAuth server on loopback, with refresh tokens that rotate, reuse of which ends the grant. */
export interface AuthorizationServer extends ReturnType<typeof endpointsAt> {
  readonly url: string;
  /** The platform profile of this server, to be written as it is or with changes. */
  readonly profile: ServerProfile;
  readonly client: RegisteredClient;
  /** Grants everything in the name of `account`. */
  readonly consent: (account: string) => Promise<ConsentTokens>;
  /** Whether the server takes this access token. */
  readonly accepts: (accessToken: string) => Promise<boolean>;
  /** Ends the grant that a refresh token is of, as a user who disconnects the application does; false where there is none. */
  readonly endGrant: (refreshToken: string) => Promise<boolean>;
  /** What it has been asked for since it was opened. */
  readonly counts: () => RequestCounts;
  readonly close: () => Promise<void>;
}

/** What a server is opened with; all of it has defaults. */
export interface AuthorizationServerOptions {
  /** A free one where nothing is said. */
  readonly port?: number;
  readonly client?: RegisteredClient;
  readonly lifetimes?: Partial<Lifetimes>;
  /**
   * For how many milliseconds each answer of the token endpoint is held back, after the request has taken effect; a
   * function is asked for each.
   */
  readonly tokenLatencyMs?: number | (() => number);
  /** Asked for each request of the token endpoint: whether it gets lost, with no effect and no answer. */
  readonly losesRequest?: () => boolean;
  /** Told of each refresh. */
  readonly onRefresh?: (result: 'renewed' | 'refused') => void;
  /** Memory where nothing is said. */
  readonly storage?: GrantStorage;
  /** Whether `POST /consent` gives tokens to whoever asks. Development only. */
  readonly consentRoute?: boolean;
}

const CLIENT: RegisteredClient = { id: 'vault', secret: 'client-secret-of-the-authorization-server' };
const LIFETIMES: Lifetimes = { access: 120, refresh: 3_600 };

/** Opens one on 127.0.0.1. Rejects when the port is taken. */
export const openAuthorizationServer = async ({
  port = 0,
  client = CLIENT,
  lifetimes = {},
  tokenLatencyMs = 0,
  losesRequest = () => false,
  onRefresh = () => undefined,
  storage = inMemory(),
  consentRoute = false,
}: AuthorizationServerOptions = {}): Promise<AuthorizationServer> => {
  const http = createServer();
  const url = await listen(http, port);
  const provider = configureProvider(url, client, { ...LIFETIMES, ...lifetimes }, storage);
  const latencyMs = typeof tokenLatencyMs === 'number' ? () => tokenLatencyMs : tokenLatencyMs;
  const counts = countRequests(provider, { latencyMs, onRefresh });
  const consentOf = (account: string) => consent(provider, client.id, account);
  if (consentRoute) serveConsent(provider, consentOf);
  const endpoints = endpointsAt(url);
  const handle = provider.callback();
  http.on('request', (request, response) => {
    const isLost = request.url === new URL(endpoints.tokenUrl).pathname && losesRequest();
    if (!isLost) handle(request, response);
  });
  return {
    url,
    ...endpoints,
    profile: profileAt(url, 'Authorization server'),
    client,
    consent: consentOf,
    accepts: async (accessToken) => {
      const { grantId } = (await provider.AccessToken.find(accessToken)) ?? {};
      return grantId !== undefined && (await provider.Grant.find(grantId)) !== undefined;
    },
    endGrant: async (refreshToken) => {
      const { grantId } = (await provider.RefreshToken.find(refreshToken)) ?? {};
      if (grantId !== undefined) await endGrant(storage, grantId);
      return grantId !== undefined;
    },
    counts,
    close: () =>
      new Promise((resolve) => {
        http.close(() => resolve());
        http.closeAllConnections();
      }),
  };
};

const listen = async (http: Server, port: number): Promise<string> => {
  await new Promise<void>((resolve, reject) => {
    http.once('error', reject);
    http.listen(port, '127.0.0.1', () => resolve());
  });
  return `http://127.0.0.1:${(http.address() as AddressInfo).port}`; // it listens on a port
};
