import { type MisbehavingProvider, openMisbehavingProvider } from '@vault-engine/authorization-server';
import { type VaultClient, VaultError } from '@vault-engine/client';
import { vi } from 'vitest';
import { openVault, type TestVault } from '../flow/open-vault.ts';
import { faultConfig } from './config.ts';

/** How long a call hangs: until the vault gives it up. */
export const HANG_MS = faultConfig.full ? 60_000 : 8_000;
/** Calls of one process to one platform. */
export const CONCURRENCY = 4;

/** A vault with a platform that can be told to hang, and one that never does. */
export interface HangingVault {
  readonly vault: TestVault;
  readonly writer: VaultClient;
  readonly hanging: MisbehavingProvider;
  readonly healthy: MisbehavingProvider;
  /** Stores a token that is usable, or one that has lapsed, which the scheduler looks after; answers its version. */
  readonly connect: (userId: string, platform: string, expires?: 'later' | 'already') => Promise<number>;
  /** Asks for another token than that of `connect`, so that the provider is asked. Answers how it ended, and when. */
  readonly refresh: (
    userId: string,
    platform: string,
    timeoutMs?: number,
  ) => Promise<{ readonly answered: Promise<{ readonly how: string; readonly tookMs: number }> }>;
  readonly close: () => Promise<void>;
}

/** One worker and one scheduler: whoever could be held up is. */
export const openHangingVault = async (): Promise<HangingVault> => {
  const [hanging, healthy] = await Promise.all([openMisbehavingProvider(), openMisbehavingProvider()]);
  const vault = await openVault({
    services: ['command-worker', 'status-projector', 'refresh-scheduler'],
    env: { VAULT_PROVIDER_TIMEOUT_MS: String(HANG_MS), VAULT_SCHEDULER_SWEEP_EVERY_MS: '200' },
    platforms: [
      { id: 'hanging', profile: profileOf(hanging), client: CLIENT },
      { id: 'healthy', profile: profileOf(healthy), client: CLIENT },
    ],
  });
  const writer = await vault.client('action', 2 * HANG_MS);
  const connect: HangingVault['connect'] = async (userId, platform, expires = 'later') => {
    const expiresAt = Date.now() + (expires === 'later' ? DAY_MS : -1_000);
    const tokens = { accessToken: `access-${userId}`, refreshToken: `refresh-${userId}`, scopes: [], expiresAt };
    return (await writer.storeToken({ userId, platform, ...tokens })).tokenVersion;
  };
  return {
    vault,
    writer,
    hanging,
    healthy,
    connect,
    refresh: async (userId, platform, timeoutMs = 2 * HANG_MS) => {
      const rejectedVersion = await connect(userId, platform);
      const asked = performance.now();
      const answer = writer.getToken({ userId, platform, rejectedVersion }, { timeoutMs }).then(
        () => 'renewed',
        (error: unknown) => (error instanceof VaultError ? error.code : Promise.reject(error)),
      );
      return { answered: answer.then((how) => ({ how, tookMs: performance.now() - asked })) };
    },
    close: async () => {
      await vault.close();
      await Promise.all([hanging.close(), healthy.close()]);
    },
  };
};

const CLIENT = { id: 'vault', secret: 'client-secret-of-a-misbehaving-provider' };

const profileOf = ({ url, tokenUrl }: MisbehavingProvider) => ({
  display_name: `Provider at ${url}`,
  token: { url: tokenUrl },
  refresh: { min_interval_s: 0 },
  rotation: { mode: 'always', on_reuse: 'reject' } as const,
  limits: { concurrency: CONCURRENCY },
});

const DAY_MS = 86_400_000;

/**
 * Resolves when the provider has had so many requests. Some have to wait until others are given up, and after an incident the
 * provider is probed before it is asked for the rest.
 */
export const wasAsked = (provider: MisbehavingProvider, count: number) =>
  vi.waitUntil(() => provider.requests.length >= count, { timeout: HANG_MS + 120_000, interval: 5 });

/** So many users. */
export const names = (prefix: string, count: number): readonly string[] =>
  Array.from({ length: count }, (_, index) => `${prefix}-${index}`);
