import type { LeaseOf, TokenStore } from '@vault-engine/vault';
import { describe, expect, test } from 'vitest';
import { leasesOn } from './lease-samples.ts';
import { GMAIL, newChange, newDataKey, newRecord, newUser, putOf, SLACK } from './samples.ts';

/** The guarantees of `apply` about leases. */
export const changesEndLeases = (store: () => TokenStore): void => {
  const { connect, leaseOf, claim, call, leaseIn, succeed } = leasesOn(store);
  const put = (of: LeaseOf, expectedRevision: number, leaseOwner: string | null = of.owner) => {
    const fields = { expectedRevision, put: putOf(of.platform), leaseOwner };
    return store().apply(newChange(of.user, expectedRevision + 1, fields));
  };

  describe('changing under a lease', () => {
    test('a put of the lease’s owner is applied and ends the lease', async () => {
      const of = leaseOf(await connect());
      await claim(of);
      await call(of);
      expect(await put(of, 1)).toMatchObject({ kind: 'applied' });
      expect(await leaseIn(of)).toBeNull();
      expect(await put(of, 2)).toEqual({ kind: 'conflict' });
      expect(await claim(leaseOf(of.user))).toEqual({ kind: 'claimed', before: null });
    });

    test('a put also ends the expired lease that the holder found', async () => {
      const of = leaseOf(await connect());
      await claim(of);
      await call(of, 1);
      const { of: next } = await succeed(of.user);
      await put(next, 1);
      const later = leaseOf(of.user);
      expect(await claim(later)).toEqual({ kind: 'claimed', before: null });
      expect([await store().release(later), await leaseIn(of)]).toEqual([true, null]);
    });

    test('a put under a lost lease is a conflict and writes nothing', async () => {
      const of = leaseOf(await connect());
      await claim(of);
      await call(of, 1);
      const { of: next } = await succeed(of.user);
      const before = await store().readConnection(of.user, GMAIL);
      expect(await put(of, 1)).toEqual({ kind: 'conflict' });
      expect(await store().readConnection(of.user, GMAIL)).toEqual(before);
      expect(await put(next, 1)).toMatchObject({ kind: 'applied' });
    });

    test('a put under a free lease, or on a missing connection, is a conflict', async () => {
      const of = leaseOf(await connect());
      expect(await put(of, 1)).toEqual({ kind: 'conflict' });
      expect(await put({ ...of, platform: SLACK }, 1)).toEqual({ kind: 'conflict' });
    });

    test('a put that needs no lease ends it, and the owner’s put is then a conflict', async () => {
      const of = leaseOf(await connect());
      await claim(of);
      await call(of);
      expect(await put(of, 1, null)).toMatchObject({ kind: 'applied' });
      expect(await leaseIn(of)).toBeNull();
      expect([await put(of, 2), await call(of), await store().release(of)]).toEqual([
        { kind: 'conflict' },
        false,
        false,
      ]);
    });

    test('a conflict leaves the lease with its owner', async () => {
      const of = leaseOf(await connect());
      await claim(of);
      const lease = await leaseIn(of);
      await store().apply(newChange(of.user, 2, { expectedRevision: 1, put: putOf(SLACK) }));
      expect(await put(of, 1)).toEqual({ kind: 'conflict' });
      expect(await leaseIn(of)).toEqual(lease);
      expect(await put(of, 2)).toMatchObject({ kind: 'applied' });
    });

    test('a removal ends the lease, also for a later connection of the platform', async () => {
      const of = leaseOf(await connect());
      await claim(of);
      await store().apply(newChange(of.user, 2, { expectedRevision: 1, remove: [GMAIL] }));
      expect([await put(of, 2), await call(of)]).toEqual([{ kind: 'conflict' }, false]);
      await store().apply(newChange(of.user, 3, { expectedRevision: 2, put: putOf(GMAIL) }));
      expect([await leaseIn(of), await put(of, 3)]).toEqual([null, { kind: 'conflict' }]);
    });

    test('forgetting ends the lease, also for a user who comes back', async () => {
      const of = leaseOf(await connect());
      await claim(of);
      await store().apply(newChange(of.user, 2, { expectedRevision: 1, forget: true }));
      await store().apply(newChange(of.user, 3, { dataKey: newDataKey(), put: putOf(GMAIL) }));
      expect([await leaseIn(of), await put(of, 3)]).toEqual([null, { kind: 'conflict' }]);
    });

    test('a put does not write the lease in its record', async () => {
      const user = newUser();
      const lease = { owner: 'somebody', until: Number.MAX_SAFE_INTEGER, phase: 'called' } as const;
      const record = newRecord({ lease });
      await store().apply(newChange(user, 1, { dataKey: newDataKey(), put: putOf(GMAIL, record) }));
      expect((await store().readConnection(user, GMAIL)).record).toEqual({ ...record, lease: null });
    });
  });
};
