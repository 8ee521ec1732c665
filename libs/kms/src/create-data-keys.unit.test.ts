import { randomBytes } from 'node:crypto';
import type { DataKey } from '@vault-engine/crypto';
import { type KeyContext, type KeyWrapper, PortUnavailable, userId } from '@vault-engine/vault';
import { describe, expect, it } from 'vitest';
import { createDataKeys, type DataKeysOptions } from './create-data-keys.ts';
import { InvalidWrappedKey } from './key-context.ts';

const user = (text: string) => userId(text) ?? expect.fail('not a user id');
const [alice, bob] = [user('alice'), user('bob')];

/** A wrapper with a table of wrapped keys. Counts unwraps, and can wait or fail. */
const createFakeWrapper = () => {
  const wrappings = new Map<string, { bytes: Buffer; context: string }>();
  const returned: Buffer[] = [];
  const fake = { unwraps: 0, returned, gate: Promise.resolve(), failure: null as Error | null };
  const copyOf = (bytes: Buffer) => {
    const copy = Buffer.from(bytes);
    returned.push(copy);
    return copy;
  };
  const wrapper: KeyWrapper = {
    id: 'fake',
    generate: async (context: KeyContext) => {
      const wrapped = randomBytes(16);
      const bytes = randomBytes(32);
      wrappings.set(wrapped.toString('hex'), { bytes, context: JSON.stringify(context) });
      return { plaintext: copyOf(bytes), wrapped };
    },
    unwrap: async (wrapped, context) => {
      fake.unwraps += 1;
      await fake.gate;
      if (fake.failure) throw fake.failure;
      const found = wrappings.get(wrapped.toString('hex'));
      if (found?.context !== JSON.stringify(context)) throw new InvalidWrappedKey();
      return copyOf(found.bytes);
    },
  };
  return { fake, wrapper };
};

const setUp = (options: Partial<DataKeysOptions> = {}) => {
  const { fake, wrapper } = createFakeWrapper();
  let now = 1;
  const open = () => createDataKeys({ wrapper, env: 'test', clock: () => now, ...options });
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
