import { createServer, type RequestListener } from 'node:http';
import type { AddressInfo } from 'node:net';
import { openWorld, type World } from '@vault-engine/world';
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { applySchemas } from './apply-schemas.ts';
import { avroType } from './avro-records.ts';
import { type Codec, frame, HEADER_BYTES, isRecord, openCodec } from './codec.ts';
import { RegistryUnavailable, SchemaMissing } from './errors.ts';
import { type AvroField, type AvroRecord, readSchemas } from './generate/read-schemas.ts';
import { RECORD_NAMES, type RecordName, type Records } from './records.ts';
import { arbitraryRecord } from './testing/arbitrary-record.ts';
import { registerUnder, removeSubject } from './testing/registry-subject.ts';

const records = new Map<string, AvroRecord>(readSchemas().map(({ name, record }) => [name, record]));
const subjects: string[] = [];
let world: World;
let codec: Codec;

beforeAll(async () => {
  world = await openWorld();
  expect(await applySchemas(world.registryUrl)).toMatchObject({ ok: true });
  codec = await openCodec({ registryUrl: world.registryUrl });
});

afterAll(async () => {
  for (const subject of subjects) await removeSubject(world.registryUrl, subject);
  await world.close();
});

const recordOf = (name: RecordName): AvroRecord => {
  const record = records.get(name);
  if (record === undefined) throw new Error(`no schema of ${name}`);
  return record;
};

/** Registers another version of `name` and returns an encoder for it. */
const otherVersion = async (name: RecordName, change: (fields: readonly AvroField[]) => readonly object[]) => {
  const record = recordOf(name);
  const schema = JSON.stringify({ ...record, fields: change(record.fields) });
  const subject = `${world.topicPrefix}${name}.${subjects.length}`;
  subjects.push(subject);
  const id = await registerUnder(world.registryUrl, subject, schema);
  return { id, write: (value: object) => frame(id, avroType(schema).toBuffer(value)) };
};

const revoke: Records['RevokeToken'] = { user_id: 'u1', platform: 'gmail' };

describe.each(RECORD_NAMES)('%s', (name) => {
  test('any value round-trips, in another process too', async () => {
    const other = await openCodec({ registryUrl: world.registryUrl, types: ['GetStatus'] });
    // An arbitrary value of the schema is one of the record made from it.
    const values = arbitraryRecord(recordOf(name)) as fc.Arbitrary<Records[typeof name]>;
    await fc.assert(
      fc.asyncProperty(values, async (value) => {
        const message = codec.encode(name, value);
        expect(codec.decode(message)).toEqual({ ok: true, name, value });
        expect(await other.decode(message)).toEqual({ ok: true, name, value });
      }),
      { numRuns: 30 },
    );
  });

  test('every truncated or extended message is undecodable', () => {
    fc.assert(
      fc.property(arbitraryRecord(recordOf(name)), fc.nat(), (value, at) => {
        const message = codec.encode(name, value as Records[typeof name]); // as above
        const short = message.subarray(0, HEADER_BYTES + (at % (message.length - HEADER_BYTES)));
        expect(codec.decode(short)).toEqual({ ok: false, reason: 'undecodable' });
        expect(codec.decode(Buffer.concat([message, Buffer.alloc(1)]))).toEqual({ ok: false, reason: 'undecodable' });
      }),
      { numRuns: 20 },
    );
  });
});

test('a decoded record is narrowed by its name', () => {
  const decoded = codec.decode(codec.encode('RevokeToken', revoke));
  if (decoded instanceof Promise) throw new Error('an own schema has to be known');
  expect(isRecord(decoded, 'GetToken')).toBe(false);
  expect(isRecord(decoded, 'RevokeToken') && decoded.value.platform).toBe('gmail');
});

describe('an invalid message', () => {
  test.each([
    ['null', null, 'empty'],
    ['no bytes', Buffer.alloc(0), 'empty'],
    ['another magic byte', Buffer.from([1, 0, 0, 0, 1, 0]), 'bad_magic'],
    ['JSON', Buffer.from('{"user_id":"u1"}'), 'bad_magic'],
    ['three bytes', Buffer.from([0, 0, 0]), 'too_short'],
  ] as const)('%s', (_what, message, reason) => {
    expect(codec.decode(message)).toEqual({ ok: false, reason });
  });

  test('a schema id that is not registered, including a negative and the largest one', async () => {
    for (const id of [0x7fff_ffff, -1, 0]) {
      expect(await codec.decode(frame(id, Buffer.alloc(1)))).toEqual({ ok: false, reason: 'unknown_schema' });
    }
  });

  test('a record of another application', async () => {
    const subject = `${world.topicPrefix}foreign`;
    subjects.push(subject);
    const schema = '{"type":"record","name":"Foreign","namespace":"elsewhere","fields":[]}';
    const id = await registerUnder(world.registryUrl, subject, schema);
    expect(await codec.decode(frame(id, Buffer.alloc(0)))).toEqual({ ok: false, reason: 'unknown_type' });
  });
});

describe('a writer of another version', () => {
  test('newer: an additional field is ignored', async () => {
    const { write } = await otherVersion('RevokeToken', (fields) => [
      { name: 'notes', type: { type: 'map', values: { type: 'array', items: 'string' } }, default: {} },
      ...fields,
      { name: 'why', type: ['null', 'string'], default: null },
    ]);
    const message = write({ notes: { a: ['b'] }, ...revoke, why: 'because' });
    expect(await codec.decode(message)).toEqual({ ok: true, name: 'RevokeToken', value: revoke });
    expect(codec.decode(message)).not.toBeInstanceOf(Promise);
    const cut = message.subarray(0, message.length - 1);
    expect(codec.decode(cut)).toEqual({ ok: false, reason: 'undecodable' });
  });

  test('older: a missing field gets its default', async () => {
    const { write } = await otherVersion('StoreToken', (fields) =>
      fields.filter(({ name }) => !['flow_id', 'params', 'token_type'].includes(name)),
    );
    const value = {
      ...{ user_id: 'u1', platform: 'gmail', access_token: Buffer.from('a'), refresh_token: null },
      ...{ expires_at: null, scopes: [], refresh_expires_at: null },
    };
    expect(await codec.decode(write(value))).toMatchObject({
      ok: true,
      value: { ...value, flow_id: null, params: {}, token_type: 'Bearer' },
    });
  });

  test('newer: an unknown symbol is read as the default', async () => {
    const { write } = await otherVersion('ConnectionChanged', (fields) => {
      const text = JSON.stringify(fields).replace('"LAPSING"]', '"LAPSING","LATER"]');
      return JSON.parse(text) as AvroField[]; // the same fields with one symbol more
    });
    const event = {
      ...{ event_id: 'e', user_id: 'u1', platform: null, revision: 1, occurred_at: 1, change: 'LATER', engine: null },
      ...{ reason: null, status: null, suggested_action: null, expires_at: null, lapses_at: null },
    };
    expect(await codec.decode(write(event))).toMatchObject({ ok: true, value: { ...event, change: 'UNKNOWN' } });
  });

  test('incompatible: a required field is missing', async () => {
    const { write } = await otherVersion('RevokeToken', (fields) => fields.slice(0, 1));
    const decoded = await codec.decode(write({ user_id: 'u1' }));
    expect(decoded).toEqual({ ok: false, reason: 'incompatible_schema' });
  });
});

describe('a registry that fails', () => {
  test('a closed port at opening is reported as unavailable', async () => {
    await expect(openCodec({ registryUrl: 'http://127.0.0.1:9/apis' })).rejects.toThrow(RegistryUnavailable);
  });

  test.each<[string, RequestListener]>([
    ['an error of its own', (_, response) => response.writeHead(503).end('{"error_code":50301}')],
    ["a proxy's page", (_, response) => response.writeHead(200, { 'content-type': 'text/html' }).end('<html>')],
    ['a refusal of the access', (_, response) => response.writeHead(401).end('{"error_code":401}')],
    ['a broken connection', (request) => request.socket.destroy()],
  ])('%s is an outage and no verdict', async (_what, answer) => {
    await withRegistry(answer, async (url) => {
      await expect(openCodec({ registryUrl: url, types: ['GetStatus'] })).rejects.toThrow(RegistryUnavailable);
    });
    await withRegistry(onlyOwnId(answer), async (url) => {
      const reader = await openCodec({ registryUrl: url, types: ['GetStatus'] });
      await expect(reader.decode(frame(4, Buffer.alloc(1)))).rejects.toThrow(RegistryUnavailable);
      expect(reader.decode(reader.encode('GetStatus', { user_id: 'u1' }))).toMatchObject({ ok: true });
    });
  });

  test("a proxy's 404 does not make a message undecodable", async () => {
    const proxy: RequestListener = (_, response) => response.writeHead(404).end('{"message":"no route"}');
    await withRegistry(onlyOwnId(proxy), async (url) => {
      const reader = await openCodec({ registryUrl: url, types: ['GetStatus'] });
      await expect(reader.decode(frame(4, Buffer.alloc(1)))).rejects.toThrow(RegistryUnavailable);
    });
  });

  test('an empty registry is reported with the missing subjects', async () => {
    const notFound: RequestListener = (_, response) =>
      response.writeHead(404).end('{"error_code":40401,"message":"no"}');
    await withRegistry(notFound, async (url) => {
      const opening = openCodec({ registryUrl: url, types: ['GetStatus', 'GetToken'] });
      await expect(opening).rejects.toEqual(new SchemaMissing(['vault.v1.GetStatus', 'vault.v1.GetToken']));
    });
  });
});

/** Answers look-ups of our own schema, and all else as `answer` does. */
const onlyOwnId =
  (answer: RequestListener): RequestListener =>
  (request, response) =>
    request.method === 'POST' ? response.writeHead(200).end('{"id":3}') : answer(request, response);

const withRegistry = async (answer: RequestListener, use: (url: string) => Promise<void>): Promise<void> => {
  const server = createServer(answer);
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo; // listening on TCP
  await use(`http://127.0.0.1:${port}`).finally(() => server.close());
};
