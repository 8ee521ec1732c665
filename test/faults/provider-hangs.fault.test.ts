import { setTimeout as sleep } from 'node:timers/promises';
import { type MisbehavingProvider, misbehave, openMisbehavingProvider } from '@vault-engine/authorization-server';
import { type VaultClient, VaultError } from '@vault-engine/client';
import { afterAll, beforeAll, expect, it, vi } from 'vitest';
import { openVault, type TestVault } from '../flow/open-vault.ts';
import { faultConfig } from './config.ts';
import { differingStates } from './differing-states.ts';

/** How long a call hangs: until the vault gives it up. */
const HANG_MS = faultConfig.full ? 60_000 : 8_000;
/** Of one process with one platform. */
const CONCURRENCY = 4;

let hanging: MisbehavingProvider;
let healthy: MisbehavingProvider;
let vault: TestVault;
let writer: VaultClient;
beforeAll(async () => {
  [hanging, healthy] = await Promise.all([openMisbehavingProvider(), openMisbehavingProvider()]);
  // One worker and one scheduler: whoever could be held up is.
  vault = await openVault({
    services: ['command-worker', 'status-projector', 'refresh-scheduler'],
    env: { VAULT_PROVIDER_TIMEOUT_MS: String(HANG_MS), VAULT_SCHEDULER_SWEEP_EVERY_MS: '200' },
    platforms: [
      { id: 'hanging', profile: profileOf(hanging), client: CLIENT },
      { id: 'healthy', profile: profileOf(healthy), client: CLIENT },
    ],
  });
  writer = await vault.client('action', 2 * HANG_MS);
});
afterAll(async () => {
  await vault?.close();
  await Promise.all([hanging?.close(), healthy?.close()]);
});

const CLIENT = { id: 'vault', secret: 'client-secret-of-a-misbehaving-provider' };

const profileOf = ({ url, tokenUrl }: MisbehavingProvider) => ({
  display_name: `Provider at ${url}`,
  token: { url: tokenUrl },
  refresh: { min_interval_s: 0 },
  rotation: { mode: 'always', on_reuse: 'reject' } as const,
  limits: { concurrency: CONCURRENCY },
});

const DAY_MS = 86_400_000;

/** Stores a token that is usable, or one that has lapsed, which the scheduler looks after; answers its version. */
const connect = async (userId: string, platform: string, lapses: 'later' | 'already' = 'later'): Promise<number> => {
  const expiresAt = Date.now() + (lapses === 'later' ? DAY_MS : -1_000);
  const tokens = { accessToken: `access-${userId}`, refreshToken: `refresh-${userId}`, scopes: [], expiresAt };
  return (await writer.storeToken({ userId, platform, ...tokens })).tokenVersion;
};

/** Asks for another token than that of `connect`, so that the provider is asked. Answers how it ended, and when. */
const renew = async (userId: string, platform: string, timeoutMs = 2 * HANG_MS) => {
  const rejectedVersion = await connect(userId, platform);
  const asked = performance.now();
  const answer = writer.getToken({ userId, platform, rejectedVersion }, { timeoutMs }).then(
    () => 'renewed',
    (error: unknown) => (error instanceof VaultError ? error.code : Promise.reject(error)),
  );
  return { answered: answer.then((how) => ({ how, tookMs: performance.now() - asked })) };
};

const names = (prefix: string, count: number): readonly string[] =>
  Array.from({ length: count }, (_, index) => `${prefix}-${index}`);

const asked = (provider: MisbehavingProvider, count: number) =>
  vi.waitUntil(() => provider.requests.length === count, { timeout: 20_000, interval: 5 });

const AT_ONCE = 16;
const PACE_MS = 40;
const SLICE_MS = 500;

/** The p99 of each half second of `ms` in which users get tokens that are usable as they are. */
const measure = async (ms: number): Promise<readonly number[]> => {
  const p99s: number[] = [];
  for (let left = ms; left >= SLICE_MS; left -= SLICE_MS) {
    const end = performance.now() + SLICE_MS;
    const took = await Promise.all(names('plain', AT_ONCE).map((userId) => getUntil(userId, end)));
    p99s.push(quantile(took.flat(), 0.99));
  }
  return p99s;
};

const getUntil = async (userId: string, end: number): Promise<readonly number[]> => {
  const took: number[] = [];
  while (performance.now() < end) {
    const begun = performance.now();
    await writer.getToken({ userId, platform: 'gmail' });
    took.push(performance.now() - begun);
    await sleep(PACE_MS);
  }
  return took;
};

const quantile = (values: readonly number[], part: number): number =>
  values.toSorted((a, b) => a - b)[Math.floor(values.length * part)] ?? Number.NaN;

const ATTEMPTS = 3;

it(
  `changes the p99 of others by less than 20 % while a provider holds one call for ${HANG_MS / 1_000} s`,
  async () => {
    await Promise.all(names('plain', AT_ONCE).map((userId) => connect(userId, 'gmail')));
    await measure(1_000);
    const [without, during]: [number[], number[]] = [[], []];
    const change = () => quantile(during, 0.5) / quantile(without, 0.5);
    // Windows alternate and slices are many, for the machine has other work; what remains of its noise, more of them even out.
    for (let attempt = 0; attempt < ATTEMPTS && !(change() < 1.2); attempt += 1) {
      without.push(...(await measure(HANG_MS / 2)));
      hanging.script(misbehave.hang());
      const { answered } = await renew(`held-${attempt}`, 'hanging');
      await asked(hanging, attempt + 1);
      during.push(...(await measure(HANG_MS - 2 * SLICE_MS)));
      const { how, tookMs } = await answered;
      expect({ how, hung: tookMs > HANG_MS - 100 }).toEqual({ how: 'provider_unavailable', hung: true });
      without.push(...(await measure(HANG_MS / 2)));
    }
    const [before, after] = [quantile(without, 0.5).toFixed(1), quantile(during, 0.5).toFixed(1)];
    console.log(`p99 of others: ${before} ms without, and ${after} ms while a call hangs`);
    expect(change()).toBeLessThan(1.2);
    expect(await differingStates(vault)).toEqual([]);
  },
  ATTEMPTS * 3 * HANG_MS + 60_000,
);

it(
  'renews elsewhere, and answers the same users about others, while all calls that one platform may have hang',
  async () => {
    const before = hanging.requests.length;
    hanging.otherwise(misbehave.hang());
    const users = names('hung', 3 * CONCURRENCY);
    const calls = await Promise.all(users.map((userId) => renew(userId, 'hanging', HANG_MS - 1_000)));
    await asked(hanging, before + CONCURRENCY);
    const begun = performance.now();
    const elsewhere = await Promise.all([...users, ...names('other', 20)].map((user) => renew(user, 'healthy')));
    const renewed = await Promise.all(elsewhere.map(({ answered }) => answered));
    expect(new Set(renewed.map(({ how }) => how))).toEqual(new Set(['renewed']));
    for (const userId of users) {
      await connect(userId, 'gmail');
      expect((await writer.getToken({ userId, platform: 'gmail' })).accessToken).toBe(`access-${userId}`);
    }
    const tookMs = performance.now() - begun;
    console.log(
      `meanwhile ${renewed.length} renewals elsewhere, and 24 commands of the same users, took ${Math.round(tookMs)} ms`,
    );
    // None has ended: all of that was meanwhile.
    expect(tookMs).toBeLessThan(HANG_MS - 1_500);
    expect(hanging.requests.length).toBe(before + CONCURRENCY);
    const ended = await Promise.all(calls.map(({ answered }) => answered));
    expect(new Set(ended.map(({ how }) => how))).toEqual(new Set(['provider_unavailable']));

    hanging.otherwise(misbehave.renew());
    await asked(hanging, before + users.length);
    expect(await differingStates(vault)).toEqual([]);
  },
  3 * HANG_MS + 60_000,
);

it(
  "renews what falls due elsewhere while one platform's calls of the scheduler hang",
  async () => {
    const before = hanging.requests.length;
    hanging.otherwise(misbehave.hang());
    await Promise.all(names('due', 3 * CONCURRENCY).map((userId) => connect(userId, 'hanging', 'already')));
    await asked(hanging, before + CONCURRENCY);
    const [begun, renewed] = [performance.now(), healthy.requests.length];
    await Promise.all(names('due', 20).map((userId) => connect(userId, 'healthy', 'already')));
    await asked(healthy, renewed + 20);
    expect(performance.now() - begun).toBeLessThan(HANG_MS - 1_500);
    expect(hanging.requests.length).toBe(before + CONCURRENCY);
    hanging.otherwise(misbehave.renew());
    await asked(hanging, before + 3 * CONCURRENCY);
    expect(await differingStates(vault)).toEqual([]);
  },
  3 * HANG_MS + 60_000,
);
