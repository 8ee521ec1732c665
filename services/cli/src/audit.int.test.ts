import { connectBus, createPublisher } from '@vault-engine/bus';
import { type AuditRecord, openCodec, topicNames } from '@vault-engine/contracts';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { type CliWorld, openCliWorld } from './testing/cli-world.ts';

const REQUEST = '0b6f1a52-6b7e-4f0e-9a55-0d5d5f3c9e11';
const HOUR_MS = 3_600_000;
const GRANTS = `
engines:
  one:
    rate: { per_second: 5, burst: 10 }
    grants: [{ operations: [GetToken], platforms: [gmail] }]
`;

let here: CliWorld;
let grants: string;

beforeAll(async () => {
  here = await openCliWorld();
  grants = await here.file('engines.yaml', GRANTS);
  await here.vault(['topics', 'apply', '--grants', grants]);
  await here.vault(['schemas', 'apply']);
  const { brokers, registryUrl, topicPrefix } = here.world;
  const codec = await openCodec({ registryUrl, types: ['AuditRecord'] });
  const publisher = createPublisher(connectBus({ brokers, clientId: 'test' }));
  const write = (fields: Partial<AuditRecord>) =>
    publisher.send({
      topic: topicNames(topicPrefix).auditLog,
      key: Buffer.from('epoch'),
      headers: {},
      value: codec.encode('AuditRecord', { ...NOTHING, ...fields }),
    });
  await write({ record_id: 'r1', request_id: REQUEST, user_id: 'u1', platform: 'gmail', result: 'started' });
  await write({ record_id: 'r2', request_id: REQUEST, user_id: 'u1', platform: 'gmail', time: Date.now() });
  await write({ record_id: 'r2', request_id: REQUEST, user_id: 'u1', platform: 'gmail', time: Date.now() });
  await write({ record_id: 'r3', user_id: 'u2', engine: 'action', time: Date.now() - 2 * HOUR_MS });
  await publisher.close();
});

afterAll(() => here.close());

const NOTHING: AuditRecord = {
  record_id: 'r',
  request_id: null,
  user_id: null,
  platform: null,
  time: Date.now(),
  engine: 'sync',
  key_id: null,
  action: 'GetToken',
  result: 'ok',
  reason: null,
  record_version: null,
  count: 1,
};

const recordsOf = async (...words: readonly string[]): Promise<readonly AuditRecord[]> => {
  const { out } = await here.vault(['audit', ...words, '--json']);
  return JSON.parse(out.join(''));
};

test('records are found by user and time, once each', async () => {
  expect((await recordsOf('list', '--user', 'u1')).map(({ record_id }) => record_id)).toEqual(['r1', 'r2']);
  expect(await recordsOf('list', '--user', 'u2')).toEqual([]);
  expect((await recordsOf('list', '--user', 'u2', '--since', '3h')).map(({ engine }) => engine)).toEqual(['action']);
  const { out } = await here.vault(['audit', 'list', '--user', 'u1', '--result', 'ok']);
  expect(out).toEqual([
    expect.stringMatching(/^TIME +ENGINE/),
    expect.stringMatching(/ sync +GetToken +ok +u1 +gmail /),
  ]);
});

test('the records of a request are found by its id', async () => {
  const { code, out } = await here.vault(['audit', 'show', REQUEST.toUpperCase()]);
  expect(code).toBe(0);
  expect(out.filter((line) => !line.startsWith(' ')).map((line) => line.split('  ')[1])).toEqual([
    'GetToken: started',
    'GetToken: ok',
  ]);
  const none = await here.vault(['audit', 'show', REQUEST.replace('0b', '1b')]);
  expect(none).toMatchObject({ code: 1, err: [expect.stringContaining('--since')] });
  expect(await here.vault(['audit', 'show', 'u1'])).toMatchObject({ code: 2 });
});

test('each administrative change leaves a record before and after it, with one request id', async () => {
  await here.vault(['engines', 'apply', grants]);
  const { out } = await here.vault(['engines', 'add', 'one', '--grants', grants, '--json']);
  const { kid }: { kid: string } = JSON.parse(out.join(''));
  await here.vault(['engines', 'revoke', 'one', kid]);
  await here.vault(['engines', 'revoke', 'one', '00000000']);
  await here.vault(['platforms', 'apply']);
  const records = (await recordsOf('list')).filter(({ engine }) => engine.startsWith('cli:claimed:'));
  // Worlds share the registry. Whether these two found an audit log depends on the schemas that another world has registered.
  const isSetUp = ({ action }: AuditRecord) => action === 'topics.apply' || action === 'schemas.apply';
  const changes = records.filter((record) => !isSetUp(record));
  const runs = Map.groupBy(changes, ({ request_id }) => request_id);
  expect([...runs.values()].map((run) => run.map(({ action, result, reason }) => [action, result, reason]))).toEqual([
    [
      ['engines.apply', 'started', 'one created'],
      ['engines.apply', 'ok', 'one created'],
    ],
    [
      ['engines.add', 'started', 'one kafka'],
      ['engines.add', 'ok', `one ${kid}`],
    ],
    [
      ['engines.revoke', 'started', `one ${kid}`],
      ['engines.revoke', 'ok', `one ${kid}`],
    ],
    [
      ['engines.revoke', 'started', 'one 00000000'],
      ['engines.revoke', 'failed', 'one 00000000'],
    ],
    [
      ['platforms.apply', 'started', expect.stringContaining('gmail: added')],
      ['platforms.apply', 'ok', expect.stringContaining('gmail: added')],
    ],
  ]);
}, 180_000);

test('a dry run changes nothing, and grants of an unknown platform are refused with the nearest one', async () => {
  const more = await here.file('more.yaml', GRANTS.replace('burst: 10', 'burst: 20'));
  const planned = await here.vault(['engines', 'apply', more, '--dry-run']);
  expect(planned.out).toEqual(['one: changed', '  rate 5/s, burst 10 → 5/s, burst 20']);
  expect((await here.vault(['engines', 'apply', more, '--dry-run'])).out).toEqual(planned.out);
  const wrong = await here.file('wrong.yaml', GRANTS.replace('gmail', 'gmial'));
  expect(await here.vault(['engines', 'apply', wrong])).toMatchObject({
    code: 2,
    err: ['unknown platform; did you mean gmail?'],
  });
});

test('a file that is no grants file is refused without its content', async () => {
  const file = await here.file('secret.md', '# Title\n\nkey: [unclosed SECRET\nother: SECRET: x\n');
  const { code, err } = await here.vault(['engines', 'apply', file]);
  expect(code).toBe(78);
  expect(err).toEqual([expect.stringMatching(/secret\.md: \d+:\d+: not valid YAML/)]);
  expect(err.join('\n')).not.toContain('SECRET');
});
