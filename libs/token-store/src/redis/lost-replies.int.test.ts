import { inspect } from 'node:util';
import { ciphertext } from '@vault-engine/crypto';
import { describe, expect, onTestFinished, test, vi } from 'vitest';
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
} from '../contract/samples.ts';
import type { RedisStoreOptions } from './open.ts';
import { openStore, startServer, timed, UNAVAILABLE } from './testing/open-for-test.ts';
import { startDroppingProxy } from './testing/start-dropping-proxy.ts';

describe('a lost reply', () => {
  const openBehindProxy = async (options: Partial<RedisStoreOptions> = {}) => {
    const server = await startServer();
    const proxy = await startDroppingProxy(server.port);
    onTestFinished(proxy.close);
    const store = await openStore({ url: `redis://127.0.0.1:${proxy.port}`, ...options });
    return { server, store, dropReplies: proxy.dropReplies };
  };

  test.each([
    ['with a dedupe record', { dedupe: newDedupeRecord() }],
    ['without a dedupe record', {}],
  ])('of a change %s: the retry resolves to `applied` and changes nothing', async (_, fields) => {
    const { store, dropReplies } = await openBehindProxy();
    const user = newUser();
    await connectUser(store, user);
    // Scripts are loaded and the connection is open: the next reply is that of the change.
    const change = newChange(user, 2, { expectedRevision: 1, put: putOf(GMAIL), ...fields });
    dropReplies(1);
    const applied = await store.apply(change);
    const [, last] = await pendingOf(store, user);
    expect(applied).toEqual({ kind: 'applied', pending: last?.ref });
    expect(last?.transition.id).toBe(change.transition.id);
    expect((await store.readConnection(user, GMAIL)).user?.revision).toBe(2);
  });

  test('of forgetting a user: the retry resolves to `applied`', async () => {
    const { store, dropReplies } = await openBehindProxy();
    const user = newUser();
    await connectUser(store, user);
    // Forwards the reply with the user's platforms, and drops that of the script.
    dropReplies(1, 1);
    const forget = newChange(user, 2, { expectedRevision: 1, forget: true, dedupe: newDedupeRecord() });
    expect(await store.apply(forget)).toMatchObject({ kind: 'applied' });
    expect(await pendingOf(store, user)).toHaveLength(2);
  });

  const leased = { platform: GMAIL, tokenVersion: newRecord().tokenVersion, ttlMs: 60_000 };

  test('of a claim: the retry returns the expired lease that the first attempt found', async () => {
    const { store, dropReplies } = await openBehindProxy();
    const user = newUser();
    await connectUser(store, user);
    await store.claim({ ...leased, user, owner: 'first', ttlMs: 1 });
    await store.hold({ ...leased, user, owner: 'first', phase: 'called', ttlMs: 1 });
    const expired = (await store.readConnection(user, GMAIL)).record?.lease;
    await vi.waitUntil(async () => (await store.readUser(user, GMAIL, null)).nowMicros / 1000 > (expired?.until ?? 0));
    dropReplies(1);
    expect(await store.claim({ ...leased, user, owner: 'second' })).toEqual({ kind: 'claimed', before: expired });
    expect((await store.readConnection(user, GMAIL)).record?.lease).toMatchObject({ owner: 'second' });
  });

  test('of holding a lease, or of a put under it: the retry succeeds', async () => {
    const { store, dropReplies } = await openBehindProxy();
    const user = newUser();
    await connectUser(store, user);
    await store.claim({ ...leased, user, owner: 'one' });
    // The script of `hold` is loaded.
    await store.hold({ ...leased, user, owner: 'one', phase: 'claimed' });
    dropReplies(1);
    expect(await store.hold({ ...leased, user, owner: 'one', phase: 'called' })).toBe(true);
    dropReplies(1);
    const change = newChange(user, 2, { expectedRevision: 1, put: putOf(GMAIL), leaseOwner: 'one' });
    expect(await store.apply(change)).toMatchObject({ kind: 'applied' });
    expect(await pendingOf(store, user)).toHaveLength(2);
  });

  test('of a release: the retry succeeds', async () => {
    const { store, dropReplies } = await openBehindProxy();
    const user = newUser();
    await connectUser(store, user);
    await store.claim({ ...leased, user, owner: 'one' });
    // The script is loaded.
    expect(await store.release({ ...leased, user, owner: 'nobody' })).toBe(false);
    dropReplies(1);
    expect(await store.release({ ...leased, user, owner: 'one' })).toBe(true);
    expect((await store.readConnection(user, GMAIL)).record?.lease).toBeNull();
    dropReplies(1);
    expect(await store.release({ ...leased, user, owner: 'nobody' })).toBe(false);
  });

  test('on every attempt: the change is found by its repetition, and the error has no arguments', async () => {
    const { server, store, dropReplies } = await openBehindProxy({ retryForMs: 300 });
    const [user, dedupe] = [newUser(), newDedupeRecord()];
    const put = putOf(GMAIL, newRecord({ access: ciphertext(Buffer.from('canary-7f3a')) }));
    const change = newChange(user, 1, { dataKey: newDataKey(), put, dedupe });
    // The script is loaded, so that the dropped reply is that of the change.
    await connectUser(store, newUser());
    dropReplies(Number.POSITIVE_INFINITY);
    const { result } = await timed(store.apply(change));
    expect(result).toMatchObject(UNAVAILABLE);
    expect(inspect(result, { depth: 10, showHidden: true })).not.toMatch(new RegExp(`canary-7f3a|${user}`));
    const direct = await openStore({ url: server.url });
    expect(await direct.apply(change)).toMatchObject({ kind: 'remembered', dedupeRecord: { mac: dedupe.mac } });
    expect(await pendingOf(direct, user)).toHaveLength(1);
  });
});
