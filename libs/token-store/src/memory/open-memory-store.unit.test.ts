import { expect, test } from 'vitest';
import {
  connectUser,
  GMAIL,
  newChange,
  newDataKey,
  newDedupeRecord,
  newUser,
  pendingOf,
  putOf,
} from '../contract/samples.ts';
import { openMemoryStore } from './open-memory-store.ts';

const START = 1_700_000_000_000;

const openAt = (start: number) => {
  let now = start;
  const store = openMemoryStore({ now: () => now });
  return {
    store,
    advance: (ms: number) => {
      now += ms;
    },
  };
};

test('the injected clock is the store’s time, in microseconds', async () => {
  const { store, advance } = openAt(START);
  advance(0.25);
  expect((await store.readUser(newUser(), null, null)).nowMicros).toBe(START * 1000 + 250);
});

test('leases, dedupe records, due connections and pending transitions go by the injected clock', async () => {
  const { store, advance } = openAt(START);
  const [user, dedupe, put] = [newUser(), newDedupeRecord(), putOf(GMAIL, undefined, START + 1_000)];
  await store.apply(newChange(user, 1, { dataKey: newDataKey(), put, dedupe: { ...dedupe, keepMs: 1_000 } }));
  const lease = { user, platform: GMAIL, tokenVersion: put.record.tokenVersion, ttlMs: 1_000 };
  await store.claim({ ...lease, owner: 'first' });
  const observe = async () => ({
    claimed: (await store.claim({ ...lease, owner: 'second' })).kind,
    deduped: (await store.readUser(user, null, dedupe.id)).dedupeRecord !== null,
    due: (await store.takeDue(10, 1_000)).length,
    pending: (await store.pending(1_000, 10)).length,
  });
  advance(999);
  expect(await observe()).toEqual({ claimed: 'held', deduped: true, due: 0, pending: 0 });
  advance(1);
  expect(await observe()).toEqual({ claimed: 'claimed', deduped: false, due: 1, pending: 1 });
});

test('the result of a read does not change when the connection changes', async () => {
  const { store } = openAt(START);
  const user = newUser();
  await connectUser(store, user);
  const before = await store.readConnection(user, GMAIL);
  const copy = structuredClone({ ...before.record, access: null, refresh: null });
  await store.claim({ user, platform: GMAIL, owner: 'somebody', tokenVersion: copy.tokenVersion ?? 0, ttlMs: 1_000 });
  await store.apply(newChange(user, 2, { expectedRevision: 1, put: putOf(GMAIL) }));
  expect({ ...before.record, access: null, refresh: null }).toEqual(copy);
});

test('a caller who wipes its buffers leaves the store’s copies unchanged', async () => {
  const { store } = openAt(START);
  const user = newUser();
  const change = newChange(user, 1, { dataKey: newDataKey(), put: putOf(GMAIL) });
  const [audit, access] = [change.transition.audit.toString('hex'), change.put?.record.access.toString('hex')];
  await store.apply(change);
  for (const buffer of [change.transition.audit, change.put?.record.access, change.dataKey?.wrapped]) buffer?.fill(0);
  expect((await pendingOf(store, user))[0]?.transition.audit.toString('hex')).toBe(audit);
  const { user: row, record } = await store.readConnection(user, GMAIL);
  expect(record?.access.toString('hex')).toBe(access);
  expect(row?.dataKey.wrapped.every((byte) => byte === 0)).toBe(false);
});

test('every method of a closed store is unavailable', async () => {
  const { store } = openAt(START);
  await store.close();
  const unavailable = { name: 'PortUnavailable', port: 'storage' };
  await expect(store.probe()).rejects.toMatchObject(unavailable);
  await expect(store.readConnection(newUser(), GMAIL)).rejects.toMatchObject(unavailable);
  await expect(store.apply(newChange(newUser(), 1, {}))).rejects.toMatchObject(unavailable);
});

test('10,000 histories of ten changes and reads run within the time of one unit test', async () => {
  const [user, dataKey, put] = [newUser(), newDataKey(), putOf(GMAIL)];
  const first = newChange(user, 1, { dataKey, put });
  for (let history = 0; history < 10_000; history += 1) {
    const { store, advance } = openAt(START);
    await store.apply(first);
    for (let revision = 1; revision < 10; revision += 1) {
      advance(1_000);
      await store.apply({ ...first, expectedRevision: revision, revision: revision + 1, dataKey: null });
      await store.readUser(user, null, null);
    }
    expect((await store.readConnection(user, GMAIL)).user?.revision).toBe(10);
  }
});
