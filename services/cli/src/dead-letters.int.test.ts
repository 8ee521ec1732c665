import { applyTopics, connectBus, createPublisher, deadLetterHeaders, readTopic } from '@vault-engine/bus';
import { type AuditRecord, openCodec, topicNames, topicSpecs } from '@vault-engine/contracts';
import { applySchemas } from '@vault-engine/contracts/apply-schemas';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { type CliWorld, openCliWorld } from './testing/cli-world.ts';

let here: CliWorld;

beforeAll(async () => {
  here = await openCliWorld();
  const { brokers, registryUrl, topicPrefix: prefix } = here.world;
  const bus = connectBus({ brokers, clientId: 'test' });
  await applyTopics(bus, topicSpecs({ prefix, engines: [], environment: 'development' }), { replicationFactor: 1 });
  await applySchemas(registryUrl);
  const publisher = createPublisher(bus);
  for (const [number, reason] of ['bad_magic', 'unknown_schema', 'undecodable'].entries()) {
    const received = {
      topic: topicNames(prefix).commands,
      partition: 3,
      offset: BigInt(number),
      timestamp: 1_000,
      key: Buffer.from('u1'),
      value: Buffer.from('\u001b[2J not a command'),
      headers: { 'x-engine-id': Buffer.from('sync') },
    };
    const headers = deadLetterHeaders(received, 'workers', reason);
    await publisher.send({ topic: topicNames(prefix).commandsDlt, key: received.key, value: received.value, headers });
  }
  await publisher.close();
});

afterAll(() => here.close());

const audited = async (): Promise<readonly Pick<AuditRecord, 'action' | 'reason' | 'engine' | 'result'>[]> => {
  const { brokers, registryUrl, topicPrefix } = here.world;
  const codec = await openCodec({ registryUrl });
  const found: AuditRecord[] = [];
  for await (const { value } of readTopic(
    connectBus({ brokers, clientId: 'test' }),
    topicNames(topicPrefix).auditLog,
  )) {
    const decoded = await codec.decode(value);
    if (decoded.ok && decoded.name === 'AuditRecord') found.push(decoded.value);
  }
  return found.map(({ action, reason, engine, result }) => ({ action, reason, engine, result }));
};

test('list prints position, reason and origin', async () => {
  const { code, out } = await here.vault(['dead-letters', 'list']);
  expect(code).toBe(0);
  expect(out).toHaveLength(3);
  expect(out[0]).toMatch(/^0:0 .* bad_magic .* from \S+vault\.commands 3:0, claims sync -$/);
});

test('show escapes the bytes of the record, and is audited', async () => {
  const { code, out } = await here.vault(['dead-letters', 'show', '0:1']);
  expect(code).toBe(0);
  expect(out).toContain('reads as  bad_magic');
  expect(out.join('\n')).toContain(Buffer.from('\u001b[2J not a command').toString('hex'));
  expect(out.join('\n')).not.toContain('\u001b');
  expect(await audited()).toContainEqual({
    action: 'dead-letters.show',
    reason: '0:1',
    engine: expect.stringMatching(/^cli:claimed:./),
    result: 'ok',
  });
});

test('discard asks, deletes a dead letter and the earlier ones, keeps the later ones, and is audited before and after', async () => {
  const asked = await here.vault(['dead-letters', 'discard', '0:1']);
  expect(asked).toMatchObject({ code: 1, out: [], err: [expect.stringContaining('pass --yes')] });
  const planned = await here.vault(['dead-letters', 'discard', '0:1', '--dry-run']);
  expect(planned).toEqual({ code: 0, out: ['would discard 2 records of partition 0, up to 0:1'], err: [] });
  expect((await here.vault(['dead-letters', 'list'])).out).toHaveLength(3);
  const { code, out } = await here.vault(['dead-letters', 'discard', '0:1', '--yes']);
  expect({ code, out }).toEqual({ code: 0, out: ['discarded 2 records of partition 0, up to 0:1'] });
  const left = await here.vault(['dead-letters', 'list']);
  expect(left.out.map((line) => line.split(' ')[0])).toEqual(['0:2']);
  const records = (await audited()).filter(({ action }) => action === 'dead-letters.discard');
  expect(records.map(({ reason, result }) => [reason, result])).toEqual([
    ['0:1', 'started'],
    ['0:1', 'ok'],
  ]);
});

test('a position without a dead letter is refused, and not audited', async () => {
  const before = (await audited()).length;
  const { code, err } = await here.vault(['dead-letters', 'discard', '0:99']);
  expect({ code, err }).toEqual({
    code: 1,
    err: ['there is no dead letter at 0:99; npm run vault -- dead-letters list prints the positions'],
  });
  expect(await here.vault(['dead-letters', 'show', 'first'])).toMatchObject({ code: 2 });
  expect(await audited()).toHaveLength(before);
});
