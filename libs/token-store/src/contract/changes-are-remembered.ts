import type { TokenStore } from '@vault-engine/vault';
import { describe, expect, test, vi } from 'vitest';
import {
  connectUser,
  GMAIL,
  newChange,
  newDataKey,
  newRecord,
  newRemember,
  newUser,
  pendingOf,
  putOf,
} from './samples.ts';

/** What `apply` promises about repetitions. */
export const changesAreRemembered = (store: () => TokenStore): void => {
  describe('remembering', () => {
    test('what a change left behind is read with the user', async () => {
      const [user, { keepMs, ...remember }] = [newUser(), newRemember()];
      await store().apply(
        newChange(user, 1, { dataKey: newDataKey(), put: putOf(GMAIL), remember: { ...remember, keepMs } }),
      );
      const { mac, outcome } = remember;
      expect((await store().readUser(user, GMAIL, remember.id)).remembered).toEqual({ mac, outcome });
      expect((await store().readUser(user, GMAIL, 'another-id')).remembered).toBeNull();
      expect((await store().readUser(user, GMAIL, null)).remembered).toBeNull();
    });

    test('a second change under one id is answered with what the first left, and writes nothing', async () => {
      const [user, remember, first] = [newUser(), newRemember(), newRecord()];
      await store().apply(newChange(user, 1, { dataKey: newDataKey(), put: putOf(GMAIL, first), remember }));
      const other = { ...newRemember(), id: remember.id };
      const second = newChange(user, 2, { expectedRevision: 1, put: putOf(GMAIL), remember: other });
      const { mac, outcome } = remember;
      expect(await store().apply(second)).toEqual({ kind: 'remembered', remembered: { mac, outcome } });
      expect(await store().readConnection(user, GMAIL)).toMatchObject({ user: { revision: 1 }, record: first });
      expect(await pendingOf(store(), user)).toHaveLength(1);
    });

    test('the repetition of a change by its caller is answered `remembered`, with an equal mac', async () => {
      const [user, remember] = [newUser(), newRemember()];
      const change = newChange(user, 1, { dataKey: newDataKey(), put: putOf(GMAIL), remember });
      await store().apply(change);
      expect(await store().apply(change)).toMatchObject({ kind: 'remembered', remembered: { mac: remember.mac } });
      expect(await pendingOf(store(), user)).toHaveLength(1);
    });

    test('the repetition of a change that remembers nothing is a conflict', async () => {
      const user = newUser();
      const change = newChange(user, 1, { dataKey: newDataKey(), put: putOf(GMAIL) });
      await store().apply(change);
      expect(await store().apply(change)).toEqual({ kind: 'conflict' });
    });

    test('what is remembered counts before a conflict', async () => {
      const [user, remember] = [newUser(), newRemember()];
      await store().apply(newChange(user, 1, { dataKey: newDataKey(), put: putOf(GMAIL), remember }));
      const stale = newChange(user, 99, { expectedRevision: 98, remember });
      expect(await store().apply(stale)).toMatchObject({ kind: 'remembered' });
    });

    test('an outcome that changed nothing is remembered, and keeps a change under its id away', async () => {
      const [user, { keepMs, ...entry }] = [newUser(), newRemember()];
      const { mac, outcome } = entry;
      expect(await store().remember(user, { ...entry, keepMs })).toEqual({ mac, outcome });
      expect(await store().readUser(user, null, entry.id)).toMatchObject({ user: null, remembered: { mac, outcome } });
      const change = newChange(user, 1, { dataKey: newDataKey(), put: putOf(GMAIL), remember: { ...entry, keepMs } });
      expect(await store().apply(change)).toEqual({ kind: 'remembered', remembered: { mac, outcome } });
      expect(await pendingOf(store(), user)).toHaveLength(0);
    });

    test('a refusal is read where nothing else is remembered', async () => {
      const [user, refusal, done] = [newUser(), newRemember(), { ...newRemember(), outcome: '"done"' }];
      await store().remember(user, refusal);
      const read = async () => (await store().readUser(user, null, done.id, refusal.id)).remembered;
      expect(await read()).toEqual({ mac: refusal.mac, outcome: refusal.outcome });
      await store().remember(user, done);
      expect(await read()).toEqual({ mac: done.mac, outcome: done.outcome });
    });

    test('an outcome that changed nothing does not replace what a change left behind', async () => {
      const [user, remember] = [newUser(), newRemember()];
      await store().apply(newChange(user, 1, { dataKey: newDataKey(), put: putOf(GMAIL), remember }));
      const { mac, outcome } = remember;
      expect(await store().remember(user, { ...newRemember(), id: remember.id })).toEqual({ mac, outcome });
    });

    test('what a change of a user left behind outlives the user', async () => {
      const [user, remember] = [newUser(), newRemember()];
      await connectUser(store(), user);
      const forget = newChange(user, 2, { expectedRevision: 1, forget: true, remember });
      await store().apply(forget);
      expect(await store().apply(forget)).toMatchObject({
        kind: 'remembered',
        remembered: { outcome: remember.outcome },
      });
    });

    test('what is remembered is gone when its time is over', async () => {
      const [user, remember] = [newUser(), { ...newRemember(), keepMs: 50 }];
      await store().apply(newChange(user, 1, { dataKey: newDataKey(), put: putOf(GMAIL), remember }));
      await vi.waitFor(async () => {
        expect((await store().readUser(user, null, remember.id)).remembered).toBeNull();
      });
      const later = newChange(user, 2, { expectedRevision: 1, remember });
      expect(await store().apply(later)).toMatchObject({ kind: 'applied' });
    });
  });
};
