import { describe, expect, test } from 'vitest';
import { encodeBody } from './avro-records.ts';
import { RegistryUnavailable } from './errors.ts';
import { SCHEMAS } from './generated/schemas.ts';
import { ABSENT_FOR_MS, LOOK_UPS_PER_MINUTE, MOST_IDS, openWriters } from './writers.ts';

const body = Buffer.from(encodeBody('GetStatus', { user_id: 'u1' }));

/** A registry in memory that counts what it is asked. */
const registryWith = (schemas: Record<number, string>) => {
  const asked: number[] = [];
  let up = true;
  return {
    asked,
    schemas,
    stop: () => {
      up = false;
    },
    start: () => {
      up = true;
    },
    schemaOf: async (id: number): Promise<string | null> => {
      asked.push(id);
      if (!up) throw new RegistryUnavailable('down');
      return schemas[id] ?? null;
    },
  };
};

const open = (schemas: Record<number, string>) => {
  const registry = registryWith(schemas);
  const clock = { ms: 1_000 };
  const writers = openWriters({ lookup: registry, own: new Map([[1, 'GetStatus']]), now: () => clock.ms });
  return { registry, clock, writers };
};

test("this build's ids cause no request", () => {
  const { registry, writers } = open({});
  expect(writers(1)).toMatchObject({ ok: true, name: 'GetStatus' });
  expect(registry.asked).toEqual([]);
});

test('concurrent messages with one id cause one request', async () => {
  const { registry, writers } = open({ 7: SCHEMAS.GetStatus });
  const answers = await Promise.all([writers(7), writers(7), writers(7)]);
  expect(answers.every((writer) => writer.ok && writer.name === 'GetStatus')).toBe(true);
  expect(writers(7)).not.toBeInstanceOf(Promise);
  expect(registry.asked).toEqual([7]);
});

test('an unregistered id causes no second request until its cache entry expires', async () => {
  const { registry, clock, writers } = open({});
  expect(await writers(7)).toEqual({ ok: false, reason: 'unknown_schema' });
  clock.ms += ABSENT_FOR_MS - 1;
  expect(writers(7)).toEqual({ ok: false, reason: 'unknown_schema' });
  registry.schemas[7] = SCHEMAS.GetStatus;
  clock.ms += 1;
  expect(await writers(7)).toMatchObject({ ok: true });
  expect(registry.asked).toEqual([7, 7]);
});

test('an outage is not cached: the next message asks again', async () => {
  const { registry, writers } = open({ 7: SCHEMAS.GetStatus });
  registry.stop();
  await expect(writers(7)).rejects.toThrow(RegistryUnavailable);
  registry.start();
  expect(await writers(7)).toMatchObject({ ok: true });
});

test("both caches are bounded, and this build's ids are never evicted", async () => {
  const { registry, clock, writers } = open(
    Object.fromEntries([...Array(MOST_IDS + 1).keys()].map((n) => [n + 10, '"string"'])),
  );
  for (let id = 10; id <= MOST_IDS + 10; id += 1) {
    clock.ms += 60_000 / LOOK_UPS_PER_MINUTE;
    await writers(id);
  }
  clock.ms += 60_000;
  expect(writers(MOST_IDS + 10)).not.toBeInstanceOf(Promise);
  const oldest = writers(10);
  expect(oldest).toBeInstanceOf(Promise);
  await oldest;
  expect(writers(1)).toMatchObject({ ok: true });
  expect(registry.asked).not.toContain(1);
});

describe('a schema that cannot be read', () => {
  const verdict = async (schema: string) => {
    const writer = await open({ 7: schema }).writers(7);
    return writer.ok ? writer.name : writer.reason;
  };

  test('another record', async () => {
    expect(await verdict('{"type":"record","name":"x.Y","fields":[]}')).toBe('unknown_type');
    expect(await verdict('"string"')).toBe('unknown_type');
  });

  test('no schema at all', async () => {
    expect(await verdict('{"type":"record","name":"vault.v1.GetStatus"}')).toBe('unknown_type');
    expect(await verdict('{')).toBe('unknown_type');
    expect(await verdict('['.repeat(100_000))).toBe('unknown_type');
  });

  test('our name on something that can not be read as ours', async () => {
    expect(await verdict('{"type":"record","name":"vault.v1.GetStatus","fields":[]}')).toBe('incompatible_schema');
    const number = '{"type":"record","name":"vault.v1.GetStatus","fields":[{"name":"user_id","type":"long"}]}';
    expect(await verdict(number)).toBe('incompatible_schema');
    expect(await verdict('{"type":"enum","name":"vault.v1.GetStatus","symbols":["A"]}')).toBe('incompatible_schema');
  });
});

test('bytes that do not fit their writer are no value', async () => {
  const { writers } = open({ 7: SCHEMAS.GetStatus });
  const writer = await writers(7);
  expect(writer.ok && writer.read(body)).toEqual({ user_id: 'u1' });
  expect(writer.ok && writer.read(Buffer.concat([body, body]))).toBeNull();
});

test('a number that our type can not hold is no value', async () => {
  const token = SCHEMAS.GetToken.replace('["null","int"]', '["null","long"]');
  const { writers } = open({ 7: token });
  expect(await writers(7)).toEqual({ ok: false, reason: 'incompatible_schema' });
});

test('invented ids cause a bounded number of requests a minute, and known ids are read meanwhile', async () => {
  const { registry, clock, writers } = open({ 7: SCHEMAS.GetStatus });
  await writers(7);
  for (let id = 100; id < 100 + LOOK_UPS_PER_MINUTE - 1; id += 1) await writers(id);
  await expect(writers(5_000)).rejects.toBeInstanceOf(RegistryUnavailable);
  expect(registry.asked).toHaveLength(LOOK_UPS_PER_MINUTE);
  expect(writers(7)).toMatchObject({ ok: true });
  expect(writers(1)).toMatchObject({ ok: true });
  clock.ms += 60_000;
  expect(await writers(5_000)).toEqual({ ok: false, reason: 'unknown_schema' });
});
