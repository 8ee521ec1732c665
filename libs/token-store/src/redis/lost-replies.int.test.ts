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
import { openStore, startServer, timed, UNAVAILABLE } from './open-for-test.ts';
import { startAnswerThief } from './start-answer-thief.ts';

describe('an answer that gets lost', () => {
  const openBehindThief = async (options: Partial<RedisStoreOptions> = {}) => {
    const server = await startServer();
    const thief = await startAnswerThief(server.port);
    onTestFinished(thief.close);
    const store = await openStore({ url: `redis://127.0.0.1:${thief.port}`, ...options });
    return { server, store, loseAnswers: thief.loseAnswers };
  };

  test.each([
    ['that is remembered', { dedupe: newDedupeRecord() }],
    ['that remembers nothing', {}],
  ])('of a change %s is answered `applied` by the repetition, which changes nothing', async (_, fields) => {
    const { store, loseAnswers } = await openBehindThief();
    const user = newUser();
    await connectUser(store, user);
    // Scripts are loaded and the connection is warm: the next answer is that of the change.
    const change = newChange(user, 2, { expectedRevision: 1, put: putOf(GMAIL), ...fields });
    loseAnswers(1);
    const applied = await store.apply(change);
    const [, last] = await pendingOf(store, user);
    expect(applied).toEqual({ kind: 'applied', pending: last?.ref });
    expect(last?.transition.id).toBe(change.transition.id);
    expect((await store.readConnection(user, GMAIL)).user?.revision).toBe(2);
  });

  test('of the forgetting of a user is answered `applied` too', async () => {
    const { store, loseAnswers } = await openBehindThief();
    const user = newUser();
    await connectUser(store, user);
    // Spares that of the look at the user's platforms, and loses that of the script.
    loseAnswers(1, 1);
    const forget = newChange(user, 2, { expectedRevision: 1, forget: true, dedupe: newDedupeRecord() });
    expect(await store.apply(forget)).toMatchObject({ kind: 'applied' });
    expect(await pendingOf(store, user)).toHaveLength(2);
  });

  const leased = { platform: GMAIL, tokenVersion: newRecord().tokenVersion, ttlMs: 60_000 };

  test('of a claim is answered by the repetition with the lapsed lease that the first found', async () => {
    const { store, loseAnswers } = await openBehindThief();
    const user = newUser();
    await connectUser(store, user);
    await store.claim({ ...leased, user, owner: 'first', ttlMs: 1 });
    await store.hold({ ...leased, user, owner: 'first', phase: 'called', ttlMs: 1 });
    const expired = (await store.readConnection(user, GMAIL)).record?.lease;
    await vi.waitUntil(async () => (await store.readUser(user, GMAIL, null)).nowMicros / 1000 > (expired?.until ?? 0));
    loseAnswers(1);
    expect(await store.claim({ ...leased, user, owner: 'second' })).toEqual({ kind: 'claimed', before: expired });
    expect((await store.readConnection(user, GMAIL)).record?.lease).toMatchObject({ owner: 'second' });
  });

  test('of holding a lease, or of a put under it, is answered as if it had come', async () => {
    const { store, loseAnswers } = await openBehindThief();
    const user = newUser();
    await connectUser(store, user);
    await store.claim({ ...leased, user, owner: 'one' });
    // The script of `hold` is loaded.
    await store.hold({ ...leased, user, owner: 'one', phase: 'claimed' });
    loseAnswers(1);
    expect(await store.hold({ ...leased, user, owner: 'one', phase: 'called' })).toBe(true);
    loseAnswers(1);
    const change = newChange(user, 2, { expectedRevision: 1, put: putOf(GMAIL), leaseOwner: 'one' });
    expect(await store.apply(change)).toMatchObject({ kind: 'applied' });
    expect(await pendingOf(store, user)).toHaveLength(2);
  });

  test('of a release is answered by the repetition as if it had come', async () => {
    const { store, loseAnswers } = await openBehindThief();
    const user = newUser();
    await connectUser(store, user);
    await store.claim({ ...leased, user, owner: 'one' });
    // The script is loaded.
    expect(await store.release({ ...leased, user, owner: 'nobody' })).toBe(false);
    loseAnswers(1);
    expect(await store.release({ ...leased, user, owner: 'one' })).toBe(true);
    expect((await store.readConnection(user, GMAIL)).record?.lease).toBeNull();
    loseAnswers(1);
    expect(await store.release({ ...leased, user, owner: 'nobody' })).toBe(false);
  });

  test('for good leaves a change that its repetition finds, and an error without its arguments', async () => {
    const { server, store, loseAnswers } = await openBehindThief({ retryForMs: 300 });
    const [user, dedupe] = [newUser(), newDedupeRecord()];
    const put = putOf(GMAIL, newRecord({ access: ciphertext(Buffer.from('canary-7f3a')) }));
    const change = newChange(user, 1, { dataKey: newDataKey(), put, dedupe });
    // The script is loaded, so that the answer that is lost is that of the change.
    await connectUser(store, newUser());
    loseAnswers(Number.POSITIVE_INFINITY);
    const { result } = await timed(store.apply(change));
    expect(result).toMatchObject(UNAVAILABLE);
    expect(inspect(result, { depth: 10, showHidden: true })).not.toMatch(new RegExp(`canary-7f3a|${user}`));
    const direct = await openStore({ url: server.url });
    expect(await direct.apply(change)).toMatchObject({ kind: 'remembered', dedupeRecord: { mac: dedupe.mac } });
    expect(await pendingOf(direct, user)).toHaveLength(1);
  });
});
