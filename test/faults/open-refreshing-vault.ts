import { type AuthorizationServer, openAuthorizationServer } from '@vault-engine/authorization-server';
import { type VaultClient, VaultError } from '@vault-engine/client';
import { type RunningService, startPart } from '@vault-engine/local';
import { openVault, type TestVault } from '../flow/open-vault.ts';

/** What renews connections. */
export type RefreshingService = 'command-worker' | 'refresh-scheduler';

/** A vault whose connections are renewed by an OAuth server that tolerates no refresh token twice. */
export interface RefreshingVault {
  readonly vault: TestVault;
  readonly server: AuthorizationServer;
  readonly platform: string;
  /** Of several engines. */
  readonly clients: readonly [VaultClient, ...VaultClient[]];
  /** How long the server holds back its next answers, after they have taken effect. */
  readonly answerAfter: (ms: () => number) => void;
  /** Loses the next request for tokens before it arrives: resolves when whoever has sent it waits for an answer. */
  readonly loseRequest: () => Promise<void>;
  /** Stores what the consent of a new user leaves, already lapsed; answers the refresh token. */
  readonly connect: (userId: string) => Promise<string>;
  /** Whether the server would still take a refresh token (RFC 7662). */
  readonly takes: (refreshToken: string) => Promise<boolean>;
  /** Those that run at present. */
  readonly processes: (service: RefreshingService) => readonly RunningService[];
  /** Ends one of them as `end` says, and starts another in its place: `replaced` resolves when that one is ready. */
  readonly replace: (
    service: RefreshingService,
    which: number,
    end: (process: RunningService) => Promise<void>,
  ) => Promise<{ readonly replaced: Promise<void> }>;
  readonly close: () => Promise<void>;
}

const PLATFORM = 'rotating';
const WORKERS = 3;
/** Longer than any test: nothing but what a test has made lapse falls due. */
const LIFETIMES = { access: 86_400, refresh: 30 * 86_400 };

/** A killed worker's commands are soon another's, and what a killed process has not written down is soon written. */
const IMPATIENT = {
  VAULT_WORKER_SESSION_MS: '2000',
  VAULT_WORKER_DRAIN_AFTER_MS: '2000',
  VAULT_SCHEDULER_DRAIN_AFTER_MS: '2000',
  VAULT_SCHEDULER_SWEEP_EVERY_MS: '150',
  VAULT_SCHEDULER_AGAIN_MS: '2000',
  VAULT_PROVIDER_TIMEOUT_MS: '2500',
};

/** Opens one with three workers and a scheduler, on a broker of its own that lets sessions be short. */
export const openRefreshingVault = async (): Promise<RefreshingVault> => {
  const kafka = await startPart('kafka', { settings: { 'group.min.session.timeout.ms': '1000' } });
  let latencyMs = (): number => 0;
  let lost: (() => void) | null = null;
  const losesRequest = (): boolean => {
    const loses = lost !== null;
    lost?.();
    lost = null;
    return loses;
  };
  const server = await openAuthorizationServer({
    lifetimes: LIFETIMES,
    tokenLatencyMs: () => latencyMs(),
    losesRequest,
  });
  const vault = await openVault({
    parts: { brokers: [kafka.address] },
    services: ['command-worker', 'status-projector', 'refresh-scheduler'],
    env: IMPATIENT,
    platforms: [
      { id: PLATFORM, profile: { ...server.profile, refresh: { min_interval_s: 0 } }, client: server.client },
    ],
  });
  const running = await startAll(vault);
  const writer = await vault.client('action', ATTEMPT_MS);
  return {
    vault,
    server,
    platform: PLATFORM,
    clients: [writer, await vault.client('sync', ATTEMPT_MS), await vault.client('local', ATTEMPT_MS)],
    answerAfter: (ms) => {
      latencyMs = ms;
    },
    loseRequest: () =>
      new Promise<void>((resolve) => {
        lost = resolve;
      }),
    connect: (userId) => connect(server, writer, userId),
    takes: (token) => takes(server, token),
    processes: (service) => running[service],
    replace: async (service, which, end) => {
      const [leaving] = running[service].splice(which, 1);
      if (leaving === undefined) throw new Error(`${service} ${which} does not run`);
      await end(leaving);
      return { replaced: start(vault, service).then((one) => void running[service].push(one)) };
    },
    close: async () => {
      await vault.close();
      await server.close();
      await kafka.stop();
    },
  };
};

const ATTEMPT_MS = 5_000;

const startAll = async (vault: TestVault): Promise<Record<RefreshingService, RunningService[]>> => {
  const first = (service: RefreshingService): RunningService => {
    const one = vault.running.services.get(service);
    if (one === undefined) throw new Error(`${service} does not run`);
    return one;
  };
  const more = await Promise.all(Array.from({ length: WORKERS - 1 }, () => start(vault, 'command-worker')));
  return {
    'command-worker': [first('command-worker'), ...more],
    'refresh-scheduler': [first('refresh-scheduler')],
  };
};

let started = 0;

const start = async (vault: TestVault, service: RefreshingService): Promise<RunningService> => {
  started += 1;
  const name = `${service}-${started}`;
  const one = (await vault.start(name, service)).services.get(name);
  if (one === undefined) throw new Error(`${name} does not run`);
  return one;
};

/** Repeated until it is acknowledged: a worker may be killed meanwhile. */
const connect = async (server: AuthorizationServer, writer: VaultClient, userId: string): Promise<string> => {
  const { access, refresh, scope } = await server.consent(userId);
  const expired = Date.now() - 1_000;
  for (;;) {
    try {
      await writer.storeToken(
        {
          userId,
          platform: PLATFORM,
          accessToken: access,
          refreshToken: refresh,
          expiresAt: expired,
          scopes: scope.split(' '),
        },
        { idempotencyKey: `connect-${userId}` },
      );
      return refresh;
    } catch (error) {
      if (!(error instanceof VaultError && error.retryable)) throw error;
    }
  }
};

const takes = async ({ introspectionUrl, client }: AuthorizationServer, token: string): Promise<boolean> => {
  const body = new URLSearchParams({ token, client_id: client.id, client_secret: client.secret });
  const answer = await fetch(introspectionUrl, { method: 'POST', body });
  if (!answer.ok) throw new Error(`the server answers ${answer.status}`);
  const { active } = (await answer.json()) as { readonly active: boolean }; // RFC 7662 §2.2
  return active;
};
