import type { TokenStore } from '@vault-engine/vault';
import { describe, expect, test, vi } from 'vitest';
import {
  connectUser,
  GMAIL,
  newChange,
  newDataKey,
  newDedupeRecord,
  newRecord,
  newUser,
  pendingOf,
  putOf,
} from './samples.ts';

/** The guarantees of `apply` and `dedupe` about repetitions. */
export const changesLeaveDedupeRecords = (store: () => TokenStore): void => {
  describe('dedupe records', () => {
    test('the dedupe record of a change is read with the user', async () => {
      const [user, { keepMs, ...dedupe }] = [newUser(), newDedupeRecord()];
      await store().apply(
        newChange(user, 1, { dataKey: newDataKey(), put: putOf(GMAIL), dedupe: { ...dedupe, keepMs } }),
      );
      const { mac, outcome } = dedupe;
      expect((await store().readUser(user, GMAIL, dedupe.id)).dedupeRecord).toEqual({ mac, outcome });
      expect((await store().readUser(user, GMAIL, 'another-id')).dedupeRecord).toBeNull();
      expect((await store().readUser(user, GMAIL, null)).dedupeRecord).toBeNull();
    });

    test('a second change under the same id gets the first one’s dedupe record and writes nothing', async () => {
      const [user, dedupe, first] = [newUser(), newDedupeRecord(), newRecord()];
      await store().apply(newChange(user, 1, { dataKey: newDataKey(), put: putOf(GMAIL, first), dedupe }));
      const other = { ...newDedupeRecord(), id: dedupe.id };
      const second = newChange(user, 2, { expectedRevision: 1, put: putOf(GMAIL), dedupe: other });
      const { mac, outcome } = dedupe;
      expect(await store().apply(second)).toEqual({ kind: 'remembered', dedupeRecord: { mac, outcome } });
      expect(await store().readConnection(user, GMAIL)).toMatchObject({ user: { revision: 1 }, record: first });
      expect(await pendingOf(store(), user)).toHaveLength(1);
    });

    test('a change that its caller repeats is `remembered`, with an equal mac', async () => {
      const [user, dedupe] = [newUser(), newDedupeRecord()];
      const change = newChange(user, 1, { dataKey: newDataKey(), put: putOf(GMAIL), dedupe });
      await store().apply(change);
      expect(await store().apply(change)).toMatchObject({ kind: 'remembered', dedupeRecord: { mac: dedupe.mac } });
      expect(await pendingOf(store(), user)).toHaveLength(1);
    });

    test('a repeated change without a dedupe record is a conflict', async () => {
      const user = newUser();
      const change = newChange(user, 1, { dataKey: newDataKey(), put: putOf(GMAIL) });
      await store().apply(change);
      expect(await store().apply(change)).toEqual({ kind: 'conflict' });
    });

    test('the dedupe record is checked before the revision', async () => {
      const [user, dedupe] = [newUser(), newDedupeRecord()];
      await store().apply(newChange(user, 1, { dataKey: newDataKey(), put: putOf(GMAIL), dedupe }));
      const stale = newChange(user, 99, { expectedRevision: 98, dedupe });
      expect(await store().apply(stale)).toMatchObject({ kind: 'remembered' });
    });

    test('the dedupe record of an outcome without a change blocks a change under its id', async () => {
      const [user, { keepMs, ...entry }] = [newUser(), newDedupeRecord()];
      const { mac, outcome } = entry;
      expect(await store().dedupe(user, { ...entry, keepMs })).toEqual({ mac, outcome });
      expect(await store().readUser(user, null, entry.id)).toMatchObject({
        user: null,
        dedupeRecord: { mac, outcome },
      });
      const change = newChange(user, 1, { dataKey: newDataKey(), put: putOf(GMAIL), dedupe: { ...entry, keepMs } });
      expect(await store().apply(change)).toEqual({ kind: 'remembered', dedupeRecord: { mac, outcome } });
      expect(await pendingOf(store(), user)).toHaveLength(0);
    });

    test('the dedupe record of a refusal is read if there is no other', async () => {
      const [user, refusal, done] = [newUser(), newDedupeRecord(), { ...newDedupeRecord(), outcome: '"done"' }];
      await store().dedupe(user, refusal);
      const read = async () => (await store().readUser(user, null, done.id, refusal.id)).dedupeRecord;
      expect(await read()).toEqual({ mac: refusal.mac, outcome: refusal.outcome });
      await store().dedupe(user, done);
      expect(await read()).toEqual({ mac: done.mac, outcome: done.outcome });
    });

    test('an outcome without a change does not replace the dedupe record of a change', async () => {
      const [user, dedupe] = [newUser(), newDedupeRecord()];
      await store().apply(newChange(user, 1, { dataKey: newDataKey(), put: putOf(GMAIL), dedupe }));
      const { mac, outcome } = dedupe;
      expect(await store().dedupe(user, { ...newDedupeRecord(), id: dedupe.id })).toEqual({ mac, outcome });
    });

    test('a dedupe record outlives its user', async () => {
      const [user, dedupe] = [newUser(), newDedupeRecord()];
      await connectUser(store(), user);
      const forget = newChange(user, 2, { expectedRevision: 1, forget: true, dedupe });
      await store().apply(forget);
      expect(await store().apply(forget)).toMatchObject({
        kind: 'remembered',
        dedupeRecord: { outcome: dedupe.outcome },
      });
    });

    test('a dedupe record expires, and its id can be used again', async () => {
      const [user, dedupe] = [newUser(), { ...newDedupeRecord(), keepMs: 50 }];
      await store().apply(newChange(user, 1, { dataKey: newDataKey(), put: putOf(GMAIL), dedupe }));
      await vi.waitFor(async () => {
        expect((await store().readUser(user, null, dedupe.id)).dedupeRecord).toBeNull();
      });
      const later = newChange(user, 2, { expectedRevision: 1, dedupe });
      expect(await store().apply(later)).toMatchObject({ kind: 'applied' });
    });
  });
};
