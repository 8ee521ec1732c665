import type { DataKey } from '@vault-engine/crypto';
import { PortUnavailable, userId } from '@vault-engine/vault';
import { describe, expect, it } from 'vitest';
import { createBranchKeys } from './create-branch-keys.ts';
import { createDataKeys, type DataKeysOptions } from './create-data-keys.ts';
import { InvalidWrappedKey } from './key-context.ts';
import { createFakeBranchKeyStore, createFakeWrapper } from './testing/fakes.ts';

const user = (text: string) => userId(text) ?? expect.fail('not a user id');
const [alice, bob] = [user('alice'), user('bob')];

const setUp = (options: Partial<DataKeysOptions> = {}) => {
  const { fake, wrapper } = createFakeWrapper();
  let now = 1;
  const open = () => createDataKeys({ wrapper, env: 'test', branchKeys: null, clock: () => now, ...options });
  const advance = (ms: number) => {
    now += ms;
  };
  // A second cache on the same wrapper stands for another process.
  return { fake, maker: open(), keys: open(), advance };
};

const bytesOf = async (key: DataKey | Promise<DataKey>) => (await key).key.export().toString('hex');

describe('data keys', () => {
  it('are unwrapped once and then served synchronously', async () => {
    const { fake, maker, keys } = setUp();
    const { wrapped, dataKey } = await maker.newKey(alice);
    const first = keys.keyOf(alice, wrapped);
    expect(first).toBeInstanceOf(Promise);
    const unwrapped = await first;
    expect(unwrapped.key.equals(dataKey.key)).toBe(true);
    expect(keys.keyOf(alice, wrapped)).toBe(unwrapped);
    expect(fake.unwraps).toBe(1);
  });

  it('are cached when they are generated', async () => {
    const { fake, maker } = setUp();
    const { wrapped, dataKey } = await maker.newKey(alice);
    expect(maker.keyOf(alice, wrapped)).toBe(dataKey);
    expect(fake.unwraps).toBe(0);
  });

  it('are unwrapped once for concurrent requests', async () => {
    const { fake, maker, keys } = setUp();
    const { wrapped } = await maker.newKey(alice);
    const answers = await Promise.all(Array.from({ length: 50 }, () => keys.keyOf(alice, wrapped)));
    expect(new Set(answers).size).toBe(1);
    expect(fake.unwraps).toBe(1);
  });

  it('are cached as key objects, and the bytes that the wrapper returned are wiped', async () => {
    const { fake, maker, keys } = setUp();
    const { wrapped } = await maker.newKey(alice);
    await keys.keyOf(alice, wrapped);
    expect(fake.returned).toHaveLength(2);
    for (const bytes of fake.returned) expect(bytes.equals(Buffer.alloc(32))).toBe(true);
  });

  it('expire after their TTL, however often they are used', async () => {
    const { fake, maker, keys, advance } = setUp({ ttlMs: 1000 });
    const { wrapped } = await maker.newKey(alice);
    await keys.keyOf(alice, wrapped);
    for (let used = 0; used < 9; used += 1) {
      advance(100);
      expect(keys.keyOf(alice, wrapped)).not.toBeInstanceOf(Promise);
    }
    advance(101);
    fake.failure = new PortUnavailable('keys', 'down');
    await expect(keys.keyOf(alice, wrapped)).rejects.toBe(fake.failure);
  });

  it('are evicted when the cache is full, least recently used first', async () => {
    const { fake, maker, keys } = setUp({ maxEntries: 2 });
    const users = ['a', 'b', 'c'].map(user);
    const made = new Map(await Promise.all(users.map(async (who) => [who, await maker.newKey(who)] as const)));
    const ask = async (who: typeof alice) => keys.keyOf(who, made.get(who)?.wrapped ?? expect.fail());
    for (const who of users) await ask(who);
    await ask(user('c'));
    expect(fake.unwraps).toBe(3);
    await ask(user('a'));
    expect(fake.unwraps).toBe(4);
  });

  it('are not cached when unwrapping fails', async () => {
    const { fake, maker, keys } = setUp();
    const { wrapped } = await maker.newKey(alice);
    fake.failure = new PortUnavailable('keys', 'down');
    await expect(keys.keyOf(alice, wrapped)).rejects.toBe(fake.failure);
    fake.failure = null;
    expect(await bytesOf(keys.keyOf(alice, wrapped))).toHaveLength(64);
  });

  it('are unwrapped again after eviction', async () => {
    const { fake, maker, keys } = setUp();
    const { wrapped } = await maker.newKey(alice);
    await keys.keyOf(alice, wrapped);
    keys.evict(alice);
    expect(keys.keyOf(alice, wrapped)).toBeInstanceOf(Promise);
    expect(fake.unwraps).toBe(2);
  });

  it('are not cached when they are evicted during the unwrap', async () => {
    const { fake, maker, keys } = setUp();
    const { wrapped } = await maker.newKey(alice);
    const gate = Promise.withResolvers<void>();
    fake.gate = gate.promise;
    const waiting = keys.keyOf(alice, wrapped);
    keys.evict(alice);
    gate.resolve();
    await waiting;
    expect(keys.keyOf(alice, wrapped)).toBeInstanceOf(Promise);
  });

  it('are served for their own id alone: a replaced key is never served for the new one', async () => {
    const { maker, keys } = setUp();
    const [old, fresh] = [await maker.newKey(alice), await maker.newKey(alice)];
    await keys.keyOf(alice, old.wrapped);
    const answered = await keys.keyOf(alice, fresh.wrapped);
    expect(answered.kid).toEqual(fresh.wrapped.kid);
    expect(answered.key.equals(fresh.dataKey.key)).toBe(true);
  });

  it('do not open for another user or under another key id', async () => {
    const { maker, keys } = setUp();
    const [ofAlice, ofBob] = [await maker.newKey(alice), await maker.newKey(bob)];
    await expect(keys.keyOf(bob, ofAlice.wrapped)).rejects.toBeInstanceOf(InvalidWrappedKey);
    const renamed = { kid: ofBob.wrapped.kid, wrapped: ofAlice.wrapped.wrapped };
    await expect(keys.keyOf(alice, renamed)).rejects.toBeInstanceOf(InvalidWrappedKey);
    const truncated = { kid: ofAlice.wrapped.kid.subarray(1), wrapped: ofAlice.wrapped.wrapped };
    await expect(keys.keyOf(alice, truncated)).rejects.toBeInstanceOf(InvalidWrappedKey);
  });
});

describe('data keys under branch keys', () => {
  const setUpBranches = (options: Partial<DataKeysOptions> = {}) => {
    const { fake, wrapper } = createFakeWrapper();
    const { fake: stored, store } = createFakeBranchKeyStore();
    const open = (more: Partial<DataKeysOptions> = {}) => {
      const branchKeys = createBranchKeys({ wrapper, store, env: 'test', branches: 4 });
      return createDataKeys({ wrapper, env: 'test', branchKeys, ...options, ...more });
    };
    return { fake, stored, open };
  };
  const users = Array.from({ length: 200 }, (_, number) => user(`u${number}`));

  it('need one unwrap by the service for each branch, however many users there are', async () => {
    const { fake, stored, open } = setUpBranches();
    const [maker, keys] = [open(), open()];
    const made = await Promise.all(users.map(async (who) => [who, await maker.newKey(who)] as const));
    expect(stored.stored.size).toBe(4);
    const before = fake.unwraps;
    for (const [who, { wrapped, dataKey }] of made)
      expect((await keys.keyOf(who, wrapped)).key.equals(dataKey.key)).toBe(true);
    expect(fake.unwraps - before).toBe(4);
  });

  it('are served synchronously once their branch key is cached', async () => {
    const { open } = setUpBranches();
    const [maker, keys] = [open(), open()];
    const made = await Promise.all(users.map(async (who) => [who, await maker.newKey(who)] as const));
    for (const [who, { wrapped }] of made) await keys.keyOf(who, wrapped);
    for (const [who, { wrapped }] of made) {
      keys.evict(who);
      expect(keys.keyOf(who, wrapped)).not.toBeInstanceOf(Promise);
    }
  });

  it('do not open for another user, under another key id, or with changed bytes', async () => {
    const { open } = setUpBranches();
    const [maker, keys] = [open(), open()];
    const [ofAlice, ofBob] = [await maker.newKey(alice), await maker.newKey(bob)];
    const changed = Buffer.from(ofAlice.wrapped.wrapped);
    changed.writeUInt8(changed.readUInt8(60) ^ 1, 60);
    for (const [who, wrapped] of [
      [bob, ofAlice.wrapped],
      [alice, { kid: ofBob.wrapped.kid, wrapped: ofAlice.wrapped.wrapped }],
      [alice, { kid: ofAlice.wrapped.kid, wrapped: changed }],
    ] as const)
      await expect((async () => keys.keyOf(who, wrapped))()).rejects.toBeInstanceOf(InvalidWrappedKey);
  });

  it('are not cached when they are evicted while their branch key is unwrapped', async () => {
    const { fake, open } = setUpBranches();
    const [maker, keys] = [open(), open()];
    const { wrapped } = await maker.newKey(alice);
    const gate = Promise.withResolvers<void>();
    fake.gate = gate.promise;
    const waiting = keys.keyOf(alice, wrapped);
    keys.evict(alice);
    gate.resolve();
    const first = await waiting;
    expect(await keys.keyOf(alice, wrapped)).not.toBe(first);
  });

  it('that the service wrapped are read, and rewrapped to the same key', async () => {
    const { open } = setUpBranches();
    const old = await open({ branchKeys: null }).newKey(alice);
    const [keys, later] = [open(), open()];
    const rewrapped = await keys.rewrap(alice, old.wrapped);
    expect(rewrapped?.kid).toEqual(old.wrapped.kid);
    expect(rewrapped?.wrapped).toHaveLength(92);
    for (const wrapped of [old.wrapped, rewrapped ?? expect.fail()])
      expect((await later.keyOf(alice, wrapped)).key.equals(old.dataKey.key)).toBe(true);
    expect(await keys.rewrap(alice, rewrapped ?? expect.fail())).toBeNull();
  });

  it('stay in the form of earlier releases while wrapping under branches is off, and both forms are read', async () => {
    const { open } = setUpBranches();
    const [before, after] = [open({ wrapUnderBranches: false }), open()];
    const [old, fresh] = [await before.newKey(alice), await after.newKey(bob)];
    expect(old.wrapped.wrapped).not.toHaveLength(92);
    expect(await before.rewrap(alice, old.wrapped)).toBeNull();
    expect((await before.keyOf(bob, fresh.wrapped)).key.equals(fresh.dataKey.key)).toBe(true);
    expect((await after.keyOf(alice, old.wrapped)).key.equals(old.dataKey.key)).toBe(true);
  });

  it('are not rewrapped while a key can’t be had, and the write goes on', async () => {
    const { fake, open } = setUpBranches();
    const old = await open({ branchKeys: null }).newKey(alice);
    fake.failure = new PortUnavailable('keys', 'down');
    expect(await open().rewrap(alice, old.wrapped)).toBeNull();
  });
});
