import { randomUUID } from 'node:crypto';
import type { LeaseOf, TokenStore } from '@vault-engine/vault';
import { describe, expect, test, vi } from 'vitest';
import { LONG_MS, leasesOn, tokenVersion } from './lease-samples.ts';
import { asUser, connectUser, GMAIL, newChange, newUser, SLACK } from './samples.ts';

/** The guarantees of `claim`, `hold` and `release`. */
export const leasesHaveOneHolder = (store: () => TokenStore): void => {
  const { connect, leaseOf, claim, call, leaseIn, succeed } = leasesOn(store);

  describe('claiming a lease', () => {
    test('a free lease is claimed, and read with the connection', async () => {
      const of = leaseOf(await connect());
      expect(await claim(of)).toEqual({ kind: 'claimed', before: null });
      const lease = await leaseIn(of);
      expect(lease).toMatchObject({ owner: of.owner, phase: 'claimed' });
      const { nowMicros, connections } = await store().readUser(of.user, null, null);
      expect(connections.get(GMAIL)?.lease).toEqual(lease);
      const left = (lease?.until ?? 0) - nowMicros / 1000;
      expect(left).toBeGreaterThan(LONG_MS - 10_000);
      expect(left).toBeLessThanOrEqual(LONG_MS);
    });

    test('a held lease stays with its owner, whom the claim returns', async () => {
      const user = await connect();
      const [of, other] = [leaseOf(user), leaseOf(user)];
      await claim(of);
      await call(of);
      const lease = await leaseIn(of);
      expect(await claim(other)).toEqual({ kind: 'held', lease });
      expect(await leaseIn(of)).toEqual(lease);
      expect(lease).toMatchObject({ owner: of.owner, phase: 'called' });
    });

    test('exactly one of fifty concurrent claims wins, and the others get its owner', async () => {
      const user = await connect();
      const claims = Array.from({ length: 50 }, () => leaseOf(user));
      const answers = await Promise.all(claims.map((of) => claim(of)));
      const winners = claims.filter((_, at) => answers[at]?.kind === 'claimed');
      expect(winners).toHaveLength(1);
      const owners = answers.map((answer) => (answer.kind === 'held' ? answer.lease.owner : winners[0]?.owner));
      expect(new Set(owners)).toEqual(new Set([winners[0]?.owner]));
    });

    test.each(['claimed', 'called'] as const)(
      'a lease that expired in phase `%s` is claimed, and returned as `before`',
      async (phase) => {
        const of = leaseOf(await connect());
        await claim(of, 1);
        await store().hold({ ...of, phase, ttlMs: 30 });
        const expired = await leaseIn(of);
        const { of: next, before } = await succeed(of.user);
        expect(before).toEqual(expired);
        expect(before).toMatchObject({ owner: of.owner, phase });
        expect(await leaseIn(next)).toMatchObject({ owner: next.owner, phase: 'claimed' });
      },
    );

    test('the first lease that expired in phase `called` is passed on past later holders, whether or not they called', async () => {
      const of = leaseOf(await connect());
      await claim(of);
      await call(of, 1);
      const second = await succeed(of.user, 1);
      const third = await succeed(of.user, 1);
      expect([second.before, third.before]).toMatchObject([
        { owner: of.owner, phase: 'called' },
        { owner: of.owner, phase: 'called' },
      ]);
      await call(third.of, 1);
      expect((await succeed(of.user)).before).toEqual(second.before);
    });

    test('an expired lease is read until it is claimed', async () => {
      const of = leaseOf(await connect());
      await claim(of, 1);
      await vi.waitUntil(async () => {
        const { nowMicros, connections } = await store().readUser(of.user, GMAIL, null);
        return (connections.get(GMAIL)?.lease?.until ?? Number.POSITIVE_INFINITY) < nowMicros / 1000;
      });
      expect(await leaseIn(of)).toMatchObject({ owner: of.owner });
    });

    test('a connection with other credentials is `changed`, and stays free', async () => {
      const of = leaseOf(await connect());
      for (const other of [tokenVersion - 1, tokenVersion + 1]) {
        expect(await store().claim({ ...of, tokenVersion: other, ttlMs: LONG_MS })).toEqual({ kind: 'changed' });
      }
      expect(await leaseIn(of)).toBeNull();
    });

    test('a missing connection is `changed`, and the claim creates none', async () => {
      const [user, stranger] = [await connect(), newUser()];
      await store().apply(newChange(user, 2, { expectedRevision: 1, remove: [GMAIL] }));
      for (const of of [leaseOf(user), leaseOf(stranger), { ...leaseOf(user), platform: SLACK }]) {
        expect(await claim(of)).toEqual({ kind: 'changed' });
        expect([await call(of), await store().release(of)]).toEqual([false, false]);
        expect((await store().readConnection(of.user, of.platform)).record).toBeNull();
      }
    });

    test('a repeated claim returns the first result, and neither shortens the lease nor resets its phase', async () => {
      const of = leaseOf(await connect());
      await claim(of);
      await call(of, 1);
      const { of: next, before } = await succeed(of.user);
      await call(next);
      const lease = await leaseIn(next);
      expect(await claim(next, 1)).toEqual({ kind: 'claimed', before });
      expect(before).toMatchObject({ owner: of.owner, phase: 'called' });
      expect(await leaseIn(next)).toEqual(lease);
    });

    test('leases of different connections and users are independent', async () => {
      const [user, other] = [newUser(), await connect()];
      await connectUser(store(), user, [GMAIL, SLACK]);
      const owner = randomUUID();
      const all = [
        { user, platform: GMAIL, owner },
        { user, platform: SLACK, owner },
        { user: other, platform: GMAIL, owner },
      ];
      for (const of of all) expect(await claim(of)).toEqual({ kind: 'claimed', before: null });
    });

    test.each<[string, (of: LeaseOf) => Promise<unknown>]>([
      ['a claim without an owner', (of) => claim({ ...of, owner: '' })],
      ['a claim for zero milliseconds', (of) => claim(of, 0)],
      ['a claim for a fraction of a millisecond', (of) => claim(of, 1.5)],
      ['a hold without an owner', (of) => call({ ...of, owner: '' })],
      ['a hold for zero milliseconds', (of) => call(of, 0)],
      ['a release without an owner', (of) => store().release({ ...of, owner: '' })],
    ])('%s throws a RangeError', async (_, act) => {
      await expect(act(leaseOf(asUser('nobody')))).rejects.toThrow(RangeError);
    });
  });

  describe('holding a lease', () => {
    test('its owner extends it from now, in the given phase', async () => {
      const of = leaseOf(await connect());
      await claim(of, 1_000);
      const first = await leaseIn(of);
      expect(await store().hold({ ...of, phase: 'claimed', ttlMs: LONG_MS })).toBe(true);
      const second = await leaseIn(of);
      expect(second?.phase).toBe('claimed');
      expect(second?.until).toBeGreaterThan((first?.until ?? 0) + LONG_MS / 2);
      expect(await call(of)).toBe(true);
      expect((await leaseIn(of))?.phase).toBe('called');
    });

    test('`called` is not reset by a late extension', async () => {
      const of = leaseOf(await connect());
      await claim(of);
      await call(of);
      expect(await store().hold({ ...of, phase: 'claimed', ttlMs: LONG_MS })).toBe(true);
      expect((await leaseIn(of))?.phase).toBe('called');
    });

    test('an expired lease is its owner’s until another owner claims it', async () => {
      const of = leaseOf(await connect());
      await claim(of, 1);
      await vi.waitUntil(async () => {
        const { nowMicros } = await store().readUser(of.user, null, null);
        return nowMicros / 1000 > ((await leaseIn(of))?.until ?? 0);
      });
      expect(await call(of, 1)).toBe(true);
      await succeed(of.user);
      expect(await call(of)).toBe(false);
    });

    test('another owner can’t hold it, and nobody can hold a free one', async () => {
      const user = await connect();
      const [of, other] = [leaseOf(user), leaseOf(user)];
      expect(await call(of)).toBe(false);
      expect(await leaseIn(of)).toBeNull();
      await claim(of);
      const lease = await leaseIn(of);
      expect(await call(other)).toBe(false);
      expect(await leaseIn(of)).toEqual(lease);
    });
  });

  describe('releasing a lease', () => {
    test('its owner releases it once, and the next claim finds it free', async () => {
      const user = await connect();
      const [of, other] = [leaseOf(user), leaseOf(user)];
      await claim(of);
      await call(of);
      expect([await store().release(of), await leaseIn(of)]).toEqual([true, null]);
      expect([await store().release(of), await call(of)]).toEqual([false, false]);
      expect(await claim(other)).toEqual({ kind: 'claimed', before: null });
    });

    test('another owner can’t release it', async () => {
      const user = await connect();
      const [of, other] = [leaseOf(user), leaseOf(user)];
      await claim(of);
      const lease = await leaseIn(of);
      expect([await store().release(other), await leaseIn(of)]).toEqual([false, lease]);
      await call(of, 1);
      const { of: next } = await succeed(user);
      expect([await store().release(of), (await leaseIn(next))?.owner]).toEqual([false, next.owner]);
    });

    test('an expired predecessor in phase `claimed` is gone after a release', async () => {
      const of = leaseOf(await connect());
      await claim(of, 1);
      const { of: next } = await succeed(of.user);
      expect([await store().release(next), await leaseIn(of)]).toEqual([true, null]);
      expect(await claim(leaseOf(of.user))).toEqual({ kind: 'claimed', before: null });
    });

    test('an expired predecessor in phase `called` is there again after a release', async () => {
      const of = leaseOf(await connect());
      await claim(of);
      await call(of, 1);
      const { of: second, before } = await succeed(of.user);
      expect(await store().release(second)).toBe(true);
      expect(await leaseIn(of)).toEqual(before);
      expect((await succeed(of.user)).before).toEqual(before);
    });
  });
};
