import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { configureProvider, endGrant, type Lifetimes, type RegisteredClient } from './configure-provider.ts';
import { type ConsentTokens, consent, serveConsent } from './consent.ts';
import { countRequests, type RequestCounts } from './count-requests.ts';
import { endpointsAt, profileAt, type ServerProfile } from './describe-server.ts';
import { type GrantStorage, inMemory } from './grant-storage.ts';

/** A certified OAuth server on loopback, with refresh tokens that rotate and whose reuse ends the grant. */
export interface AuthorizationServer extends ReturnType<typeof endpointsAt> {
  readonly url: string;
  /** The platform profile of this server. */
  readonly profile: ServerProfile;
  readonly client: RegisteredClient;
  /** Grants all scopes for `account`. */
  readonly consent: (account: string) => Promise<ConsentTokens>;
  /** Whether the server accepts this access token. */
  readonly accepts: (accessToken: string) => Promise<boolean>;
  /** Ends the grant of a refresh token, as a user does who disconnects the application; false where there is none. */
  readonly endGrant: (refreshToken: string) => Promise<boolean>;
  /** Requests since it was opened. */
  readonly counts: () => RequestCounts;
  readonly close: () => Promise<void>;
}

/** Settings of a server. All have defaults. */
export interface AuthorizationServerOptions {
  /** Default: a free port. */
  readonly port?: number;
  readonly client?: RegisteredClient;
  readonly lifetimes?: Partial<Lifetimes>;
  /**
   * Milliseconds by which each answer of the token endpoint is delayed after the request has taken effect. A function is
   * called for each answer.
   */
  readonly tokenLatencyMs?: number | (() => number);
  /** Called for each token request: whether the request gets lost, without effect and answer. */
  readonly losesRequest?: () => boolean;
  /** Called for each refresh. */
  readonly onRefresh?: (result: 'refreshed' | 'refused') => void;
  /** Default: memory. */
  readonly storage?: GrantStorage;
  /** Whether `POST /consent` gives tokens to any caller. Development only. */
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
