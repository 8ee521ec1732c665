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
  if (engine === undefined) throw new Error(`there is no engine ${name}`);
  return engine;
};

/** An engine of two revisions. */
const madeEngine = async (name: string): Promise<{ first: EngineEntry; engine: Engine }> => {
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
    title: 'an entry under a data key that the key service did wrap for the engine, but not first',
    reason: 'another_data_key',
    forge: async ({ engine }) => {
      const { plaintext, wrapped } = await here.wrapper.generate(entryContext('development', engine.entry.engine));
      return sealEntry({ ...engine.entry, wrappedKey: wrapped }, importKey(plaintext));
    },
  },
  {
    title: 'an entry whose MAC was made with a key of the forger',
    reason: 'forged',
    forge: ({ engine }) => sealEntry(engine.entry, importKey(randomBytes(32))),
  },
  {
    title: 'a further revision with a grant changed',
    reason: 'forged',
    forge: ({ engine: { entry, dataKey } }) => ({
      ...sealEntry(entry, dataKey),
      grants: [{ operations: ['GetToken'], platforms: ['*'] }],
    }),
  },
  {
    title: 'a further revision with a revoked key made active again',
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
  { title: 'an older revision, replayed', reason: 'older_revision', forge: ({ first }) => first },
  {
    title: 'a good entry of the revision that is in force',
    reason: 'conflicting_revision',
    forge: ({ engine: { entry, dataKey } }) =>
      sealEntry({ ...entry, revision: entry.revision - 1, rate: { perSecond: 999, burst: 999 } }, dataKey),
  },
];

describe('the last good entry stays in force, and a follower that starts afterwards sees the same, when there comes', () => {
  test.each(FORGERIES.map((one, index) => ({ ...one, name: `forged-${index}` })))(
    '$title',
    async ({ name, reason, forge }) => {
      const made = await madeEngine(name);
      await here.sendEntry(await forge(made));
      await staysInForce(name, made.engine, reason);
    },
  );

  test("another engine's good entry under this engine's message key", async () => {
    const made = await madeEngine('mine');
    const { engine: theirs } = await madeEngine('theirs');
    await here.sendEntry(sealEntry(theirs.entry, theirs.dataKey), 'mine');
    await staysInForce('mine', made.engine, 'another_engine');
  });

  test('a deletion', async () => {
    const { engine } = await madeEngine('deleted');
    await here.send('deleted', null);
    await staysInForce('deleted', engine, 'deletion');
  });

  test('garbage', async () => {
    const { engine } = await madeEngine('garbage');
    await here.send('garbage', Buffer.from('garbage'));
    await staysInForce('garbage', engine, 'bad_magic');
  });

  const staysInForce = async (name: string, { entry }: Engine, reason: string) => {
    await vi.waitFor(() => expect(follower.refused).toContainEqual({ engine: name, reason }));
    const later = await here.follow();
    expect(later.refused).toContainEqual({ engine: name, reason });
    for (const { table } of [follower, later]) {
      expect(table.get(name)?.entry.mac).toEqual(entry.mac);
      expect(table.buried().map((one) => one.entry.engine)).toContain(name);
    }
  };
});

describe('an engine does not come into being by', () => {
  test('an entry whose data key nobody wrapped', async () => {
    const content = newEntry({ engine: 'unwrapped', wrappedKey: randomBytes(61), ...POLICY });
    await here.sendEntry(sealEntry(content, importKey(randomBytes(32))));
    await stayedAway('unwrapped', 'key_not_ours');
  });

  test('an entry whose data key was wrapped for something else', async () => {
    const { plaintext, wrapped } = await here.wrapper.generate(keyContext('development', 'user-dek', { sub: 'u1' }));
    const content = newEntry({ engine: 'misused', wrappedKey: wrapped, ...POLICY });
    await here.sendEntry(sealEntry(content, importKey(plaintext)));
    await stayedAway('misused', 'key_not_ours');
  });

  const stayedAway = async (name: string, reason: string) => {
    await vi.waitFor(() => expect(follower.refused).toContainEqual({ engine: name, reason }));
    expect(follower.table.get(name)).toBeUndefined();
  };
});

test('a start waits for the key service, and comes up with it', async () => {
  await madeEngine('waited-for');
  let out = true;
  const wrapper: KeyWrapper = {
    ...here.wrapper,
    unwrap: async (wrapped, context) => {
      if (out) throw new PortUnavailable('keys', 'the key service is out');
      return here.wrapper.unwrap(wrapped, context);
    },
  };
  const waited = new Set<string>();
  let up = false;
  const starting = here.follow({ wrapper, onWaiting: (engine) => void waited.add(engine) }).then((started) => {
    up = true;
    return started;
  });
  await vi.waitFor(() => expect(waited).toContain('waited-for'));
  expect(up).toBe(false);

  out = false;
  expect((await starting).table.get('waited-for')?.entry.revision).toBe(2);
});

test('a start that waits for the key service can be given up', async () => {
  await madeEngine('given-up');
  const giveUp = new AbortController();
  const wrapper: KeyWrapper = { ...here.wrapper, unwrap: () => Promise.reject(new PortUnavailable('keys', 'out')) };
  const starting = here.follow({ wrapper, signal: giveUp.signal, onWaiting: () => giveUp.abort(new Error('enough')) });
  await expect(starting).rejects.toThrow('enough');
});
