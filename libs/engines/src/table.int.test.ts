import { randomBytes } from 'node:crypto';
import { keyContext } from '@vault-engine/kms';
import { type EngineEntry, newEntry, sealEntry } from '@vault-engine/protocol';
import { type KeyWrapper, PortUnavailable } from '@vault-engine/vault';
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest';
import type { EngineAdministration } from './administer.ts';
import { type Engine, entryContext, importKey } from './read-entry.ts';
import type { EnginePolicy } from './read-grants.ts';
import { type Observed, openEnginesWorld } from './testing/engines-world.ts';

const POLICY: EnginePolicy = {
  grants: [{ operations: ['GetToken'], platforms: ['gmail'] }],
  rate: { perSecond: 10, burst: 20 },
};

let here: Awaited<ReturnType<typeof openEnginesWorld>>;
let admin: EngineAdministration;
let follower: Observed;

beforeAll(async () => {
  here = await openEnginesWorld();
  admin = await here.administer();
  follower = await here.follow();
});

afterAll(async () => {
  await here.close();
});

const engineOf = (name: string): Engine => {
  const engine = admin.table.get(name);
  if (engine === undefined) throw new Error(`unknown engine ${name}`);
  return engine;
};

/** An engine with two revisions. */
const createEngine = async (name: string): Promise<{ first: EngineEntry; engine: Engine }> => {
  await admin.addKey(name, 'kafka', POLICY);
  const first = engineOf(name).entry;
  await admin.addKey(name, 'kafka');
  return { first, engine: engineOf(name) };
};

const FORGERIES: readonly {
  readonly title: string;
  readonly reason: string;
  readonly forge: (made: { first: EngineEntry; engine: Engine }) => Promise<EngineEntry> | EngineEntry;
}[] = [
  {
    title: 'an entry under a second data key that the key service wrapped for the engine',
    reason: 'another_data_key',
    forge: async ({ engine }) => {
      const { plaintext, wrapped } = await here.wrapper.generate(entryContext('development', engine.entry.engine));
      return sealEntry({ ...engine.entry, wrappedKey: wrapped }, importKey(plaintext));
    },
  },
  {
    title: 'an entry with a MAC under the forger’s own key',
    reason: 'forged',
    forge: ({ engine }) => sealEntry(engine.entry, importKey(randomBytes(32))),
  },
  {
    title: 'a next revision with a changed grant',
    reason: 'forged',
    forge: ({ engine: { entry, dataKey } }) => ({
      ...sealEntry(entry, dataKey),
      grants: [{ operations: ['GetToken'], platforms: ['*'] }],
    }),
  },
  {
    title: 'a next revision with a revoked key set to active',
    reason: 'forged',
    forge: ({ engine: { entry, dataKey } }) => ({
      ...sealEntry(entry, dataKey),
      keys: entry.keys.map((key) => ({ ...key, state: 'active' as const })),
    }),
  },
  {
    title: 'the same bytes with a higher revision',
    reason: 'forged',
    forge: ({ first }) => ({ ...first, revision: 99 }),
  },
  { title: 'a replayed older revision', reason: 'older_revision', forge: ({ first }) => first },
  {
    title: 'another valid entry of the accepted revision',
    reason: 'conflicting_revision',
    forge: ({ engine: { entry, dataKey } }) =>
      sealEntry({ ...entry, revision: entry.revision - 1, rate: { perSecond: 999, burst: 999 } }, dataKey),
  },
];

describe('the accepted entry stays, also for a follower that starts later, after', () => {
  test.each(FORGERIES.map((one, index) => ({ ...one, name: `forged-${index}` })))(
    '$title',
    async ({ name, reason, forge }) => {
      const made = await createEngine(name);
      await here.sendEntry(await forge(made));
      await staysAccepted(name, made.engine, reason);
    },
  );

  test('a valid entry of another engine under this engine’s message key', async () => {
    const made = await createEngine('mine');
    const { engine: theirs } = await createEngine('theirs');
    await here.sendEntry(sealEntry(theirs.entry, theirs.dataKey), 'mine');
    await staysAccepted('mine', made.engine, 'another_engine');
  });

  test('a tombstone', async () => {
    const { engine } = await createEngine('deleted');
    await here.send('deleted', null);
    await staysAccepted('deleted', engine, 'deletion');
  });

  test('undecodable bytes', async () => {
    const { engine } = await createEngine('garbage');
    await here.send('garbage', Buffer.from('garbage'));
    await staysAccepted('garbage', engine, 'bad_magic');
  });

  const staysAccepted = async (name: string, { entry }: Engine, reason: string) => {
    await vi.waitFor(() => expect(follower.refused).toContainEqual({ engine: name, reason }));
    const later = await here.follow();
    expect(later.refused).toContainEqual({ engine: name, reason });
    for (const { table } of [follower, later]) {
      expect(table.get(name)?.entry.mac).toEqual(entry.mac);
      expect(table.overwritten().map((one) => one.entry.engine)).toContain(name);
    }
  };
});

describe('no engine is created by', () => {
  test('an entry with a data key that was never wrapped', async () => {
    const content = newEntry({ engine: 'unwrapped', wrappedKey: randomBytes(61), ...POLICY });
    await here.sendEntry(sealEntry(content, importKey(randomBytes(32))));
    await isRejected('unwrapped', 'key_not_ours');
  });

  test('an entry with a data key that was wrapped for another purpose', async () => {
    const { plaintext, wrapped } = await here.wrapper.generate(keyContext('development', 'user-dek', { sub: 'u1' }));
    const content = newEntry({ engine: 'misused', wrappedKey: wrapped, ...POLICY });
    await here.sendEntry(sealEntry(content, importKey(plaintext)));
    await isRejected('misused', 'key_not_ours');
  });

  const isRejected = async (name: string, reason: string) => {
    await vi.waitFor(() => expect(follower.refused).toContainEqual({ engine: name, reason }));
    expect(follower.table.get(name)).toBeUndefined();
  };
});

test('a start waits for the key service and then completes', async () => {
  await createEngine('waited-for');
  let unavailable = true;
  const wrapper: KeyWrapper = {
    ...here.wrapper,
    unwrap: async (wrapped, context) => {
      if (unavailable) throw new PortUnavailable('keys', 'the key service is unavailable');
      return here.wrapper.unwrap(wrapped, context);
    },
  };
  const waited = new Set<string>();
  let started = false;
  const starting = here.follow({ wrapper, onWaiting: (engine) => void waited.add(engine) }).then((observed) => {
    started = true;
    return observed;
  });
  await vi.waitFor(() => expect(waited).toContain('waited-for'));
  expect(started).toBe(false);

  unavailable = false;
  expect((await starting).table.get('waited-for')?.entry.revision).toBe(2);
});

test('a start that waits for the key service can be aborted', async () => {
  await createEngine('given-up');
  const giveUp = new AbortController();
  const wrapper: KeyWrapper = { ...here.wrapper, unwrap: () => Promise.reject(new PortUnavailable('keys', 'out')) };
  const starting = here.follow({ wrapper, signal: giveUp.signal, onWaiting: () => giveUp.abort(new Error('enough')) });
  await expect(starting).rejects.toThrow('enough');
});
