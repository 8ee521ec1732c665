import { misbehave } from '@vault-engine/authorization-server';
import { afterAll, beforeAll, expect, it, vi } from 'vitest';
import { differingStates } from './differing-states.ts';
import { CONCURRENCY, HANG_MS, type HangingVault, names, openHangingVault, wasAsked } from './open-hanging-vault.ts';

let at: HangingVault;
beforeAll(async () => {
  at = await openHangingVault();
});
afterAll(() => at?.close());

it(
  'renews elsewhere, and answers the same users about others, while all calls that one platform may have hang',
  async () => {
    const { vault, writer, hanging, connect, refresh } = at;
    const before = hanging.requests.length;
    hanging.otherwise(misbehave.hang());
    const users = names('hung', 3 * CONCURRENCY);
    const calls = await Promise.all(users.map((userId) => refresh(userId, 'hanging', HANG_MS - 1_000)));
    await wasAsked(hanging, before + CONCURRENCY);
    const begun = performance.now();
    const elsewhere = await Promise.all([...users, ...names('other', 20)].map((user) => refresh(user, 'healthy')));
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

    // Calls that hang are an incident: the provider is probed, and then asked for everybody again.
    hanging.otherwise(misbehave.refresh());
    for (const user of users)
      await vi.waitFor(async () => expect((await (await refresh(user, 'hanging')).answered).how).toBe('renewed'), {
        timeout: 120_000,
        interval: 250,
      });
    expect(await differingStates(vault)).toEqual([]);
  },
  3 * HANG_MS + 300_000,
);

it(
  "renews what falls due elsewhere while one platform's calls of the scheduler hang",
  async () => {
    const { vault, hanging, healthy, connect } = at;
    const before = hanging.requests.length;
    hanging.otherwise(misbehave.hang());
    await Promise.all(names('due', 3 * CONCURRENCY).map((userId) => connect(userId, 'hanging', 'already')));
    await wasAsked(hanging, before + CONCURRENCY);
    const [begun, renewed] = [performance.now(), healthy.requests.length];
    await Promise.all(names('due', 20).map((userId) => connect(userId, 'healthy', 'already')));
    await wasAsked(healthy, renewed + 20);
    expect(performance.now() - begun).toBeLessThan(HANG_MS - 1_500);
    expect(hanging.requests.length).toBe(before + CONCURRENCY);
    hanging.otherwise(misbehave.refresh());
    await wasAsked(hanging, before + 3 * CONCURRENCY);
    expect(await differingStates(vault)).toEqual([]);
  },
  3 * HANG_MS + 300_000,
);
