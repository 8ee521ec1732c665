import { connectBus, createPublisher, partitionCount } from '@vault-engine/bus';
import { topicNames } from '@vault-engine/contracts';
import { parseCredential } from '@vault-engine/protocol';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { type CliWorld, openCliWorld } from './testing/cli-world.ts';

const GRANTS = `
engines:
  one:
    rate: { per_second: 5, burst: 10 }
    grants: [{ operations: [GetToken, GetStatus], platforms: [gmail] }]
`;

let here: CliWorld;
let grants: string;

beforeAll(async () => {
  here = await openCliWorld();
  grants = await here.file('engines.yaml', GRANTS);
  await here.vault(['topics', 'apply']);
  await here.vault(['schemas', 'apply']);
});

afterAll(async () => {
  await here.close();
});

const kidIn = (line: string | undefined): string => {
  const credential = parseCredential(line ?? '');
  if (!credential.ok) throw new Error('no credential was printed');
  return credential.value.kid;
};

interface Listed {
  readonly engine: string;
  readonly revision: number;
  readonly keys: readonly { readonly kid: string; readonly use: string; readonly state: string }[];
}

const listed = async (engine: string): Promise<Listed | undefined> => {
  const { out } = await here.vault(['engines', 'list', '--json']);
  const all: Listed[] = JSON.parse(out.join(''));
  return all.find((one) => one.engine === engine);
};

test('adding, rotating and revoking print each key once, alone on standard output', async () => {
  const added = await here.vault(['engines', 'add', 'one', '--grants', grants]);
  expect(added).toMatchObject({ code: 0, out: [expect.stringMatching(/^vek1\.[0-9a-f]{8}\.[\w-]{43}$/)] });
  expect(added.err.join()).toContain('shown this once');
  const first = kidIn(added.out[0]);
  const bus = connectBus({ brokers: here.world.brokers, clientId: 'test' });
  expect(await partitionCount(bus, topicNames(here.world.topicPrefix).replies('one'))).toBeGreaterThan(0);

  const again = await here.vault(['engines', 'add', 'one', '--grants', grants]);
  expect(again).toMatchObject({ code: 1, out: [], err: [expect.stringContaining('engines rotate one')] });

  const rotated = await here.vault(['engines', 'rotate', 'one', '--json']);
  const { kid: second }: { kid: string } = JSON.parse(rotated.out.join(''));
  expect(rotated.err.join()).toContain(`engines revoke one ${first}`);
  expect((await listed('one'))?.keys).toMatchObject([
    { kid: first, use: 'kafka', state: 'retiring' },
    { kid: second, use: 'kafka', state: 'active' },
  ]);

  const third = await here.vault(['engines', 'rotate', 'one']);
  expect(third).toMatchObject({ code: 1, out: [], err: [expect.stringContaining('revoke the retiring one first')] });

  const revoked = await here.vault(['engines', 'revoke', 'one', first]);
  expect(revoked).toEqual({ code: 0, out: [`key ${first} of one revoked`], err: [] });
  expect((await listed('one'))?.keys.map(({ state }) => state)).toEqual(['revoked', 'active']);
  expect(kidIn((await here.vault(['engines', 'rotate', 'one'])).out[0])).not.toBe(second);
}, 180_000);

test('a key for the REST API has the use http', async () => {
  const { out } = await here.vault(['engines', 'add', 'one', '--use', 'http', '--grants', grants]);
  expect((await listed('one'))?.keys).toContainEqual(expect.objectContaining({ kid: kidIn(out[0]), use: 'http' }));
});

test('the list prints keys, grants and rate limits, and no secret', async () => {
  const { out } = await here.vault(['engines', 'list']);
  const text = out.join('\n');
  expect(text).toMatch(/^one \(revision \d+, 5\/s, burst 10\)$/m);
  expect(text).toContain('may GetToken, GetStatus on gmail');
  expect(text).not.toContain('vek1');
  const asJson = (await here.vault(['engines', 'list', '--json'])).out.join('');
  expect(asJson).not.toMatch(/subkeys|digest|mac|wrapped/i);
});

test('applying a grants file prints the changes, and none the second time', async () => {
  const changed = GRANTS.replace('burst: 10', 'burst: 20').replace('GetStatus]', 'StoreToken]');
  const file = await here.file('changed.yaml', `${changed}  two: { rate: { per_second: 1, burst: 1 }, grants: [] }\n`);
  const first = await here.vault(['engines', 'apply', file]);
  expect(first.code).toBe(0);
  expect(first.out).toEqual([
    'one: changed',
    '  rate 5/s, burst 10 → 5/s, burst 20',
    '  + StoreToken on gmail',
    '  - GetStatus on gmail',
    'two: created',
    '  rate 1/s, burst 1',
  ]);
  const second = await here.vault(['engines', 'apply', file]);
  expect(second).toEqual({ code: 0, out: ['one: unchanged', 'two: unchanged'], err: [] });
  const partly = await here.vault(['engines', 'apply', grants]);
  expect(partly.err[0]).toBe('changes:');
  expect(partly.err.at(-1)).toBe(`two is not in ${grants} and was not changed`);
});

test('a foreign tombstone is reported, and the next change republishes the entry', async () => {
  const publisher = createPublisher(connectBus({ brokers: here.world.brokers, clientId: 'test' }));
  const { engines: topic } = topicNames(here.world.topicPrefix);
  await publisher.send({ topic, key: Buffer.from('one'), value: null });
  await publisher.close();

  const warned = await here.vault(['engines', 'list']);
  expect(warned).toMatchObject({ code: 0, err: [expect.stringContaining('the last record of one')] });
  await here.vault(['engines', 'apply', grants]);
  expect((await here.vault(['engines', 'list'])).err).toEqual([]);
});

test('an engine without grants is not created', async () => {
  const { code, out, err } = await here.vault(['engines', 'add', 'stranger', '--grants', grants]);
  expect({ code, out }).toEqual({ code: 1, out: [] });
  expect(err).toEqual([expect.stringContaining('has no grants for it')]);
});
