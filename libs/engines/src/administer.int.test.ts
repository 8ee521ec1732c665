import { deriveEngineKeys, isUsable, parseCredential } from '@vault-engine/protocol';
import { type KeyWrapper, PortUnavailable } from '@vault-engine/vault';
import { afterAll, beforeAll, expect, test, vi } from 'vitest';
import type { EngineAdministration, MintedKey } from './administer.ts';
import type { EnginePolicy } from './read-grants.ts';
import type { EngineTable } from './table.ts';
import { openEnginesWorld } from './testing/engines-world.ts';

const POLICY: EnginePolicy = {
  grants: [{ operations: ['GetToken'], platforms: ['*'] }],
  rate: { perSecond: 10, burst: 20 },
};
const SLOWER: EnginePolicy = { ...POLICY, rate: { perSecond: 1, burst: 2 } };

let here: Awaited<ReturnType<typeof openEnginesWorld>>;
let admin: EngineAdministration;

beforeAll(async () => {
  here = await openEnginesWorld();
  admin = await here.administer();
});

afterAll(async () => {
  await here.close();
});

const added = async (engine: string, by = admin): Promise<MintedKey> => {
  const result = await by.addKey(engine, 'kafka', POLICY);
  if (!result.ok) throw new Error(result.reason);
  return result.value;
};

const usable = (table: EngineTable, engine: string): readonly string[] =>
  [...(table.get(engine)?.open.keys.values() ?? [])].filter(isUsable).map(({ kid }) => kid);

const states = (table: EngineTable, engine: string): Readonly<Record<string, string>> =>
  Object.fromEntries([...(table.get(engine)?.open.keys.values() ?? [])].map(({ kid, state }) => [kid, state]));

test('another follower can authenticate an added engine, with its grants and rate', async () => {
  const follower = await here.follow();
  const { kid, key } = await added('adds');

  await vi.waitFor(() => expect(usable(follower.table, 'adds')).toEqual([kid]));
  const credential = parseCredential(key);
  if (!credential.ok) throw new Error('the key is no credential');
  const mine = deriveEngineKeys('adds', credential.value);
  const open = follower.table.get('adds')?.open;
  expect(open?.keys.get(kid)?.keys?.auth.equals(mine.auth)).toBe(true);
  expect(open).toMatchObject(POLICY);
});

test('an HTTP key has the digest of its secret, a Kafka key has none', async () => {
  const kafka = await added('digests');
  const http = await admin.addKey('digests', 'http');
  if (!http.ok) throw new Error(http.reason);
  const keys = admin.table.get('digests')?.open.keys;
  expect(keys?.get(http.value.kid)?.secretDigest).toHaveLength(32);
  expect(keys?.get(kafka.kid)?.secretDigest).toBeNull();
});

test('a rotation is one revision that leaves two usable keys, and a third is refused until one is revoked', async () => {
  const first = await added('rotates');
  const second = await added('rotates');
  expect(states(admin.table, 'rotates')).toEqual({ [first.kid]: 'retiring', [second.kid]: 'active' });
  expect(admin.table.get('rotates')?.entry.revision).toBe(2);

  expect(await admin.addKey('rotates', 'kafka')).toEqual({ ok: false, reason: 'retiring_exists' });
  expect(admin.table.get('rotates')?.entry.revision).toBe(2);

  expect(await admin.revokeKey('rotates', first.kid)).toEqual({ ok: true, value: true });
  const third = await added('rotates');
  expect(usable(admin.table, 'rotates')).toEqual([second.kid, third.kid]);
});

test('a missing engine gets no key without a policy, and the gateway gets none', async () => {
  expect(await admin.addKey('nobody', 'kafka')).toEqual({ ok: false, reason: 'unknown_engine' });
  expect(await admin.revokeKey('nobody', '00000000')).toEqual({ ok: false, reason: 'unknown_engine' });
  expect(await admin.addKey('gateway', 'kafka', POLICY)).toEqual({ ok: false, reason: 'reserved_id' });
});

test('a revocation takes effect in a follower without the key service', async () => {
  let unavailable = false;
  const wrapper: KeyWrapper = {
    ...here.wrapper,
    unwrap: (wrapped, context) => (unavailable ? Promise.reject(OUTAGE) : here.wrapper.unwrap(wrapped, context)),
  };
  const { kid } = await added('revokes');
  const follower = await here.follow({ wrapper });
  expect(usable(follower.table, 'revokes')).toEqual([kid]);

  unavailable = true;
  await added('newcomer');
  expect(await admin.revokeKey('revokes', kid)).toEqual({ ok: true, value: true });
  await vi.waitFor(() => expect(states(follower.table, 'revokes')).toEqual({ [kid]: 'revoked' }));
  expect(follower.table.get('revokes')?.open.keys.get(kid)?.keys).toBeNull();
});

test('a revoked key and an unknown key are distinguished, and nothing is written', async () => {
  const { kid } = await added('revokes-twice');
  await admin.revokeKey('revokes-twice', kid);
  expect(await admin.revokeKey('revokes-twice', kid)).toEqual({ ok: true, value: false });
  expect(await admin.revokeKey('revokes-twice', '00000000')).toEqual({ ok: false, reason: 'unknown_key' });
  expect(admin.table.get('revokes-twice')?.entry.revision).toBe(2);
});

test('setting the present policy changes nothing', async () => {
  expect(await admin.setPolicy('policed', POLICY)).toEqual({ ok: true, value: true });
  expect(await admin.setPolicy('policed', POLICY)).toEqual({ ok: true, value: false });
  expect(await admin.setPolicy('policed', SLOWER)).toEqual({ ok: true, value: true });
  expect(admin.table.get('policed')?.open).toMatchObject({ revision: 2, rate: SLOWER.rate });
});

test('concurrent changes by one administration are applied one after the other', async () => {
  const results = await Promise.all([
    admin.addKey('at-once', 'kafka', POLICY),
    admin.addKey('at-once', 'http', POLICY),
    admin.setPolicy('at-once', SLOWER),
  ]);
  expect(results.map(({ ok }) => ok)).toEqual([true, true, true]);
  expect(admin.table.get('at-once')?.entry.revision).toBe(3);
});

test('of two administrations that write the same revision, every table accepts the first in the log, also after compaction', async () => {
  const { kid } = await added('contended');
  const [other, follower] = [await here.administer(), await here.follow()];

  const [revoked, slowed] = await Promise.all([
    admin.revokeKey('contended', kid),
    other.setPolicy('contended', SLOWER),
  ]);

  expect([revoked.ok, slowed.ok].filter((ok) => ok)).toHaveLength(1);
  expect([revoked, slowed]).toContainEqual({ ok: false, reason: 'changed_meanwhile' });
  const winner = (revoked.ok ? admin : other).table.get('contended')?.entry;
  const loser = (revoked.ok ? other : admin).table.get('contended')?.entry;
  expect(winner?.revision).toBe(2);
  expect(loser?.mac).toEqual(winner?.mac);
  await vi.waitFor(() => expect(follower.table.get('contended')?.entry.mac).toEqual(winner?.mac));
  expect(follower.refused).toContainEqual({ engine: 'contended', reason: 'conflicting_revision' });
  expect(winner && (await here.lastOf('contended'))).toEqual(winner && here.encode(winner));
  expect((await here.follow()).table.get('contended')?.entry.mac).toEqual(winner?.mac);
});

test('of two administrations that create the same engine, one is accepted, with its own data key', async () => {
  const other = await here.administer();
  const results = await Promise.all([admin.addKey('twins', 'kafka', POLICY), other.addKey('twins', 'kafka', POLICY)]);
  const kids = results.flatMap((result) => (result.ok ? [result.value.kid] : []));
  expect(kids).toHaveLength(1);
  for (const table of [admin.table, other.table, (await here.follow()).table]) {
    expect(usable(table, 'twins')).toEqual(kids);
  }
});

test('the next administration publishes again what a replay or a tombstone has overwritten', async () => {
  const { kid } = await added('replayed');
  const old = admin.table.get('replayed')?.entry;
  await admin.revokeKey('replayed', kid);
  await added('deleted');
  if (old === undefined) throw new Error('the engine is missing');
  await here.sendEntry(old);
  await here.send('deleted', null);

  const next = await here.administer();

  expect(next.table.overwritten()).toEqual([]);
  for (const engine of ['replayed', 'deleted']) {
    const entry = next.table.get(engine)?.entry;
    expect(entry && (await here.lastOf(engine))).toEqual(entry && here.encode(entry));
  }
  expect(states(next.table, 'replayed')).toEqual({ [kid]: 'revoked' });
});

const OUTAGE = new PortUnavailable('keys', 'the key service is unavailable');
