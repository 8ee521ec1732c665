import { hash, randomBytes } from 'node:crypto';
import {
  type BusRecord,
  createPublisher,
  type Inbox,
  type Outgoing,
  openInbox,
  type Publisher,
} from '@vault-engine/bus';
import { getStatus, getToken, storeToken } from '@vault-engine/client';
import { servicePlans } from '@vault-engine/development';
import { HEADER } from '@vault-engine/protocol';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { openVault, type TestVault } from '../flow/open-vault.ts';
import { sendWithZstd } from './compress-with-zstd.ts';
import { type Adversary, openAdversary } from './open-adversary.ts';
import type { Command } from './write-command.ts';

type Garbage = Pick<Outgoing, 'key' | 'value' | 'headers'>;

describe('garbage on the commands topic', () => {
  let vault: TestVault;
  let adversary: Adversary;
  let publisher: Publisher;
  let inbox: Inbox;
  /** What lies on the dead-letter topic, which has one partition in a test. */
  const letters: BusRecord[] = [];

  beforeAll(async () => {
    vault = await openVault({ services: ['command-worker'], env: { VAULT_WORKER_SAMPLES_PER_MINUTE: '6000' } });
    adversary = await openAdversary(vault);
    publisher = createPublisher(vault.bus);
    inbox = await openInbox(vault.bus, {
      topic: vault.topics.commandsDlt,
      partition: 0,
      onRecord: (letter) => letters.push(letter),
      onFatal: (error) => {
        throw error;
      },
    });
  });
  afterAll(async () => {
    await Promise.all([publisher?.close(), inbox?.close()]);
    await adversary?.close();
    await vault?.close();
  });

  const good = (): Command =>
    adversary.write({
      engine: 'action',
      operation: storeToken({ userId: 'g', platform: 'gmail', accessToken: 'good', scopes: [] }),
    });
  const served = async (userId: string): Promise<void> => {
    const { result } = await adversary.ask(adversary.write({ engine: 'sync', operation: getStatus({ userId }) }));
    expect(result).toBe('ok');
  };
  /** Sends it and waits for the record of the dead-letter topic that came of it. */
  const letterOf = async (garbage: Garbage): Promise<BusRecord> => {
    const { partition, offset } = await publisher.send({ topic: vault.topics.commands, ...garbage });
    const from = (record: BusRecord) =>
      record.headers['kafka_dlt-original-partition']?.readInt32BE() === partition &&
      record.headers['kafka_dlt-original-offset']?.readBigInt64BE() === offset;
    const letter = await vi.waitUntil(() => letters.find(from), { timeout: 5_000, interval: 5 });
    if (garbage.key !== null) await served(garbage.key.toString());
    return letter;
  };
  /** Sends it, and shows that the dead-letter topic has a sample of it: headers and digest, no key, no value. */
  const isSampled = async (garbage: Garbage, reason: string): Promise<void> => {
    const letter = await letterOf(garbage);
    expect([letter.key, letter.value]).toEqual([null, null]);
    const value = garbage.value ?? Buffer.alloc(0);
    expect(texts(letter.headers)).toMatchObject(
      texts({
        ...Object.fromEntries(
          Object.entries(garbage.headers ?? {}).map(([name, own]) => [name, own?.subarray(0, 256)]),
        ),
        'kafka_dlt-exception-message': Buffer.from(reason),
        'x-vault-value-bytes': Buffer.from(String(value.length)),
        'x-vault-value-sha256': Buffer.from(sha256(value)),
      }),
    );
  };
  /** Sends it, and shows that it is on the dead-letter topic as it was, with the reason. */
  const isBuried = async (garbage: Garbage, reason: string): Promise<void> => {
    const letter = await letterOf(garbage);
    expect(letter.value).toEqual(garbage.value);
    expect(letter.key).toEqual(garbage.key);
    const { 'kafka_dlt-original-timestamp': at, ...headers } = letter.headers;
    expect(Math.abs(Number(at?.readBigInt64BE()) - Date.now())).toBeLessThan(30_000);
    expect(texts(headers)).toEqual(
      texts({
        ...garbage.headers,
        'kafka_dlt-original-topic': Buffer.from(vault.topics.commands),
        'kafka_dlt-original-partition': headers['kafka_dlt-original-partition'],
        'kafka_dlt-original-offset': headers['kafka_dlt-original-offset'],
        'kafka_dlt-original-consumer-group': Buffer.from(`${vault.place.topicPrefix}vault.command-worker`),
        'kafka_dlt-exception-message': Buffer.from(reason),
      }),
    );
  };
  const unsigned = (value: Buffer | null): Garbage => ({ key: Buffer.from('unsigned'), value, headers: {} });

  it.each<[name: string, value: Buffer | null, reason: string]>([
    ['an empty value', Buffer.alloc(0), 'empty'],
    ['a tombstone', null, 'empty'],
    ['3 bytes', Buffer.from([0, 0, 0]), 'too_short'],
    ['3 bytes of text', Buffer.from('abc'), 'bad_magic'],
    ['a wrong magic byte', Buffer.from([1, 0, 0, 0, 1, 2, 3]), 'bad_magic'],
    ['JSON', Buffer.from('{"user_id":"u1","platform":"gmail"}'), 'bad_magic'],
    ['an unknown schema id', Buffer.from([0, 0x7f, 0xff, 0xff, 0xff, 1, 2]), `header_missing:${HEADER.correlationId}`],
    ['200 KiB', Buffer.alloc(200 * 1_024, 'x'), 'bad_magic'],
  ])('is counted and sampled when it has no headers: %s', (_name, value, reason) => isSampled(unsigned(value), reason));

  it('is counted and sampled when it is a truncated record without headers', async () => {
    const { value } = good().message;
    await isSampled(unsigned(value.subarray(0, value.length - 3)), `header_missing:${HEADER.correlationId}`);
  });

  it('is counted and sampled when it has no key', async () => {
    const { value, headers } = good().message;
    await isSampled({ key: null, value, headers }, 'key_missing');
  });

  it.each([
    HEADER.correlationId,
    HEADER.replyTopic,
    HEADER.replyPartition,
    HEADER.engineId,
    HEADER.engineKey,
    HEADER.commandType,
    HEADER.timeoutMs,
  ])('is counted and sampled when it is a good command without %s', async (name) => {
    const { message } = good();
    const { [name]: _gone, ...headers } = message.headers;
    await isSampled({ ...message, headers }, `header_missing:${name}`);
  });

  it.each<[name: string, value: Buffer]>([
    [HEADER.correlationId, randomBytes(15)],
    [HEADER.correlationId, Buffer.from('B0A1C2D3-0000-4000-8000-000000000000')],
    [HEADER.replyTopic, Buffer.from('../vault.commands')],
    [HEADER.replyPartition, Buffer.from('-1')],
    [HEADER.replyPartition, Buffer.from([0xff, 0xff, 0xff, 0xff])],
    [HEADER.engineId, Buffer.from('__proto__')],
    [HEADER.engineKey, Buffer.from('v1.00000000.1')],
    [HEADER.engineKey, Buffer.alloc(10_000, 'v')],
    [HEADER.commandType, Buffer.from('get token')],
    [HEADER.timeoutMs, Buffer.from('0')],
    [HEADER.timeoutMs, Buffer.from('1e3')],
    [HEADER.idempotencyKey, Buffer.alloc(0)],
    [HEADER.idempotencyKey, Buffer.from('zwölf')],
  ])('is counted and sampled when it is a good command with a malformed %s', async (name, value) => {
    const { message } = good();
    await isSampled({ ...message, headers: { ...message.headers, [name]: value } }, `header_malformed:${name}`);
  });

  describe('under a valid MAC', () => {
    it.each<[name: string, spoil: (value: Buffer) => Buffer, reason: string]>([
      ['a truncated record', (value) => value.subarray(0, value.length - 3), 'undecodable'],
      ['a record with bytes behind it', (value) => Buffer.concat([value, Buffer.from('more')]), 'undecodable'],
      ['nothing behind the schema id', (value) => value.subarray(0, 5), 'undecodable'],
      [
        'a length beyond the end',
        (value) => Buffer.concat([value.subarray(0, 5), Buffer.from('feffffff0f', 'hex')]),
        'undecodable',
      ],
      [
        'an unknown schema id',
        (value) => Buffer.concat([Buffer.from([0, 0x7f, 0xff, 0xff, 0xff]), value.subarray(5)]),
        'unknown_schema',
      ],
    ])('is refused, audited and buried: %s', async (_name, spoil, reason) => {
      const { message } = good();
      const operation = storeToken({ userId: 'g', platform: 'gmail', accessToken: 'good', scopes: [] });
      const command = adversary.write({ engine: 'action', operation, value: spoil(message.value) });
      await isBuried(command.message, reason);
      const [answer] = await adversary.answers(command, 1);
      expect(answer?.result).toBe('invalid_request');
      await vi.waitFor(() =>
        expect(adversary.auditOf(command)).toEqual([
          expect.objectContaining({ result: 'invalid_request', reason, action: 'StoreToken' }),
        ]),
      );
    });
  });

  it('is counted and sampled, and not looked up, when its MAC is wrong', async () => {
    const { message } = good();
    await isSampled({ ...message, value: Buffer.from([0, 0x7f, 0xff, 0xff, 0xfe, 1, 2, 3]) }, 'wrong_mac');
  });

  it('is counted by the claimed engine and reason', async () => {
    const [worker] = servicePlans(vault.place).filter(({ name }) => name === 'command-worker');
    const page = await (await fetch(`${worker?.operations}/metrics`)).text();
    const count = (engine: string, reason: string) =>
      Number(
        new RegExp(`vault_unauthenticated_total\\{engine="${engine}",reason="${reason}",.*\\} (\\d+)`).exec(page)?.[1],
      );
    expect(count('unknown', 'malformed')).toBeGreaterThanOrEqual(30);
    expect([count('action', 'wrong_mac'), count('sync', 'wrong_mac'), count('unknown', 'wrong_mac')]).toEqual([
      1, 0, 0,
    ]);
  });

  it('does not end the worker when it is a batch of zstd, and what is good in it is served', async () => {
    const command = good();
    const junk = randomBytes(64).fill(1, 0, 1);
    const batches = await sendWithZstd(vault.place.brokers, vault.topics.commands, [
      { key: command.message.key, value: junk, headers: {} },
      command.message,
    ]);
    expect(batches).toBeGreaterThan(0);
    const [answer] = await adversary.answers(command, 1);
    expect(answer?.result).toBe('ok');
    const digest = sha256(junk);
    await vi.waitFor(() =>
      expect(letters.map(({ headers }) => headers['x-vault-value-sha256']?.toString())).toContain(digest),
    );
  });

  it('does not hold up what comes between 300 random records', async () => {
    const users = Array.from({ length: 20 }, (_, i) => `between-${i}`);
    const noise = users.flatMap((user) =>
      Array.from({ length: 15 }, (_, i) => ({ key: Buffer.from(user), value: randomBytes(i * 7), headers: {} })),
    );
    const topic = vault.topics.commands;
    await Promise.all(noise.map((garbage) => publisher.send({ topic, ...garbage })));
    await Promise.all(users.map(served));
    const client = await vault.client('action');
    await client.storeToken({ userId: 'after', platform: 'gmail', accessToken: 'still-here', scopes: [] });
    expect((await client.getToken({ userId: 'after', platform: 'gmail' })).accessToken).toBe('still-here');
  });

  it('was the end of no worker', async () => {
    expect(vault.running.services.get('command-worker')?.pid).toBeGreaterThan(0);
    const read = adversary.write({ engine: 'sync', operation: getToken({ userId: 'g', platform: 'gmail' }) });
    expect((await adversary.ask(read)).result).toBe('ok');
  });
});

const sha256 = (bytes: Buffer): string => hash('sha256', bytes, 'hex');

const texts = (headers: Readonly<Record<string, Buffer | undefined>>): Readonly<Record<string, string | undefined>> =>
  Object.fromEntries(Object.entries(headers).map(([name, value]) => [name, value?.toString('latin1')]));
