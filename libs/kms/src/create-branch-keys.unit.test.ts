import { setImmediate } from 'node:timers/promises';
import { PortUnavailable, userId } from '@vault-engine/vault';
import { describe, expect, it, vi } from 'vitest';
import { type BranchKeysOptions, createBranchKeys } from './create-branch-keys.ts';
import { branchKeyContext, InvalidWrappedKey } from './key-context.ts';
import { createFakeBranchKeyStore, createFakeWrapper } from './testing/fakes.ts';

const alice = userId('alice') ?? expect.fail('not a user id');
const TTL_MS = 1_000;
const OUTAGE_MS = 10_000;

const setUp = (options: Partial<BranchKeysOptions> = {}) => {
  const { fake, wrapper } = createFakeWrapper();
  const { fake: stored, store } = createFakeBranchKeyStore();
  let clock = 1;
  const open = () =>
    createBranchKeys({
      wrapper,
      store,
      env: 'test',
      branches: 1,
      ttlMs: TTL_MS,
      outageMs: OUTAGE_MS,
      clock: () => clock,
      now: () => 5,
      ...options,
    });
  return {
    fake,
    wrapper,
    stored,
    open,
    advance: (ms: number) => {
      clock += ms;
    },
  };
};

const outage = new PortUnavailable('keys', 'down', { reason: 'key_disabled' });

describe('a branch key', () => {
  it('is created at its first use, stored wrapped, and the same for every process', async () => {
    const { stored, open } = setUp();
    const [one, two] = [open(), open()];
    const keys = await Promise.all([one.activeKey(alice), two.activeKey(alice), one.activeKey(alice)]);
    expect(keys.map(({ branch, version }) => [branch, version])).toEqual([
      [0, 1],
      [0, 1],
      [0, 1],
    ]);
    for (const { key } of keys) expect(key.equals(keys[0]?.key ?? expect.fail())).toBe(true);
    const [kept] = stored.stored.values();
    expect(kept).toMatchObject({ branch: 0, version: 1, createdAt: 5 });
    expect(kept?.wrapped.equals(keys[0]?.key.export() ?? expect.fail())).toBe(false);
  });

  it('opens in its environment, as its branch and version alone', async () => {
    const { stored, open } = setUp();
    await open().activeKey(alice);
    const [kept] = stored.stored.values();
    const wrapped = kept?.wrapped ?? expect.fail();
    stored.stored.set('0:2', { branch: 0, version: 2, wrapped, createdAt: 5 });
    stored.stored.set('1:1', { branch: 1, version: 1, wrapped, createdAt: 5 });
    for (const name of [
      { branch: 0, version: 2 },
      { branch: 1, version: 1 },
    ])
      await expect(open().keyNamed(name)).rejects.toBeInstanceOf(InvalidWrappedKey);
  });

  it('that the store does not have is invalid', async () => {
    await expect(setUp().open().keyNamed({ branch: 3, version: 1 })).rejects.toBeInstanceOf(InvalidWrappedKey);
  });

  it('is unwrapped once for concurrent requests, and then served synchronously', async () => {
    const { fake, open } = setUp();
    await open().activeKey(alice);
    const keys = open();
    const before = fake.unwraps;
    await Promise.all(Array.from({ length: 20 }, () => keys.keyNamed({ branch: 0, version: 1 })));
    expect(fake.unwraps - before).toBe(1);
    expect(keys.keyNamed({ branch: 0, version: 1 })).not.toBeInstanceOf(Promise);
  });

  it('is wiped where the wrapper returned it', async () => {
    const { fake, open } = setUp();
    await open().activeKey(alice);
    expect(fake.returned.length).toBeGreaterThan(0);
    for (const bytes of fake.returned) expect(bytes.equals(Buffer.alloc(32))).toBe(true);
  });

  it('is unwrapped again ahead of the end of its TTL, while the cached one is served', async () => {
    const { fake, open, advance } = setUp();
    const keys = open();
    const first = await keys.activeKey(alice);
    const before = fake.unwraps;
    advance(0.7 * TTL_MS);
    expect(keys.activeKey(alice)).toBe(first);
    expect(fake.unwraps - before).toBe(0);
    advance(0.2 * TTL_MS);
    expect(keys.activeKey(alice)).toBe(first);
    await vi.waitFor(() => expect(keys.activeKey(alice)).not.toBe(first));
    expect(fake.unwraps - before).toBe(1);
  });

  it('that was rotated is found when the active version is refreshed, and the earlier version still opens', async () => {
    const { stored, wrapper, open, advance } = setUp();
    const keys = open();
    const first = await keys.activeKey(alice);
    const { wrapped } = await wrapper.generate(branchKeyContext('test', { branch: 0, version: 2 }));
    stored.stored.set('0:2', { branch: 0, version: 2, wrapped, createdAt: 6 });
    expect((await keys.activeKey(alice)).version).toBe(1);
    advance(0.9 * TTL_MS);
    await vi.waitFor(async () => expect((await keys.activeKey(alice)).version).toBe(2));
    expect((await keys.keyNamed({ branch: 0, version: 1 })).key.equals(first.key)).toBe(true);
  });

  it('is unwrapped once for wrapping and unwrapping together', async () => {
    const { fake, open } = setUp();
    const keys = open();
    const active = await keys.activeKey(alice);
    expect(keys.keyNamed({ branch: 0, version: 1 })).toBe(active);
    expect(fake.unwraps).toBe(1);
  });

  it('stays in use through an outage for the stated time, and no longer', async () => {
    const { fake, open, advance } = setUp();
    const keys = open();
    const first = await keys.activeKey(alice);
    fake.failure = outage;
    advance(TTL_MS + OUTAGE_MS - 1);
    expect(keys.activeKey(alice)).toBe(first);
    await vi.waitFor(() => expect(keys.probe()).rejects.toBe(outage));
    advance(1);
    await expect((async () => keys.activeKey(alice))()).rejects.toBe(outage);
    fake.failure = null;
    expect((await keys.activeKey(alice)).key.equals(first.key)).toBe(true);
    await expect(keys.probe()).resolves.toBeUndefined();
  });

  it('is not asked for at each use during an outage', async () => {
    const { fake, open, advance } = setUp({ ttlMs: 100_000, outageMs: 1_000_000 });
    const keys = open();
    await keys.activeKey(alice);
    fake.failure = outage;
    advance(90_000);
    const before = fake.unwraps;
    for (let use = 0; use < 10; use += 1) {
      keys.activeKey(alice);
      await setImmediate();
      advance(1_000);
    }
    expect(fake.unwraps - before).toBe(2);
  });

  it('that no longer opens is dropped at once', async () => {
    const { fake, open, advance } = setUp();
    const keys = open();
    await keys.activeKey(alice);
    fake.failure = new InvalidWrappedKey();
    advance(0.9 * TTL_MS);
    keys.activeKey(alice);
    await vi.waitFor(() => expect(keys.activeKey(alice)).toBeInstanceOf(Promise));
    await expect((async () => keys.activeKey(alice))()).rejects.toBeInstanceOf(InvalidWrappedKey);
  });

  it('is not cached when unwrapping fails at its first use', async () => {
    const { fake, open } = setUp();
    const keys = open();
    fake.failure = outage;
    await expect((async () => keys.activeKey(alice))()).rejects.toBe(outage);
    fake.failure = null;
    expect((await keys.activeKey(alice)).version).toBe(1);
  });

  it('is one of the configured number, and users are spread over all of them', async () => {
    const { stored, open } = setUp({ branches: 8 });
    const keys = open();
    for (let number = 0; number < 200; number += 1) await keys.activeKey(userId(`u${number}`) ?? expect.fail());
    expect([...stored.stored.values()].map(({ branch }) => branch).sort()).toEqual([0, 1, 2, 3, 4, 5, 6, 7]);
  });
});
