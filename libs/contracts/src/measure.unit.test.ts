import avro from 'avsc';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { ownType } from './avro-records.ts';
import { readSchemas } from './generate/read-schemas.ts';
import { holdsOneValue, measureOf } from './measure.ts';
import { RECORD_NAMES } from './records.ts';
import { arbitraryRecord } from './testing/arbitrary-record.ts';

const records = new Map(readSchemas().map(({ name, record }) => [name, record]));
const arbitrary = (name: string) => {
  const record = records.get(name);
  if (record === undefined) throw new Error(`no schema of ${name}`);
  return arbitraryRecord(record);
};

const holds = (schema: avro.Schema, bytes: readonly number[]): boolean =>
  holdsOneValue(measureOf(avro.Type.forSchema(schema)), Buffer.from(bytes));

describe.each(RECORD_NAMES)('%s', (name) => {
  const { type, measure } = ownType(name);

  test('every value that avsc encodes is measured as one value, and refused with a byte less or more', () => {
    fc.assert(
      fc.property(arbitrary(name), fc.nat(), (value, at) => {
        const body = type.toBuffer(value);
        expect(holdsOneValue(measure, body)).toBe(true);
        expect(holdsOneValue(measure, body.subarray(0, at % body.length))).toBe(false);
        expect(holdsOneValue(measure, Buffer.concat([body, Buffer.alloc(1)]))).toBe(false);
      }),
      { numRuns: 50 },
    );
  });

  test('changed bytes are refused, or decoded by avsc to their end', () => {
    fc.assert(
      fc.property(arbitrary(name), fc.array(fc.tuple(fc.nat(), fc.nat(255)), { maxLength: 3 }), (value, changes) => {
        const body = type.toBuffer(value);
        for (const [at, byte] of changes) body[at % body.length] = byte;
        if (holdsOneValue(measure, body)) expect(() => type.fromBuffer(body)).not.toThrow();
      }),
      { numRuns: 100 },
    );
  });
});

test('random bytes are measured without throwing, in bounded time', () => {
  fc.assert(
    fc.property(fc.constantFrom(...RECORD_NAMES), fc.uint8Array({ maxLength: 64 }), (name, bytes) => {
      holdsOneValue(ownType(name).measure, Buffer.from(bytes));
    }),
    { numRuns: 2_000 },
  );
});

describe('the measure refuses', () => {
  const strings: avro.Schema = { type: 'array', items: 'string' };

  test('a block that counts more items than there are bytes', () => {
    expect(holds(strings, [0xfe, 0xff, 0xff, 0xff, 0x0f, 0, 0])).toBe(false);
    expect(holds({ type: 'map', values: 'string' }, [0xfe, 0xff, 0xff, 0xff, 0x0f, 0, 0])).toBe(false);
  });

  test('items of zero bytes', () => {
    expect(holds({ type: 'array', items: 'null' }, [0xfe, 0xff, 0xff, 0xff, 0x0f, 0])).toBe(false);
  });

  test('a block with a wrong or negative size', () => {
    expect(holds(strings, [0x01, 0x04, 0x02, 0x61, 0x00])).toBe(true);
    expect(holds(strings, [0x01, 0x06, 0x02, 0x61, 0x00])).toBe(false);
    expect(holds(strings, [0x01, 0x03, 0x02, 0x61, 0x00])).toBe(false);
  });

  test('a length beyond the end, or a negative length', () => {
    expect(holds('bytes', [0xfe, 0xff, 0xff, 0xff, 0xff, 0xff, 0x1f])).toBe(false);
    expect(holds('bytes', [0x04, 0x61])).toBe(false);
    expect(holds('bytes', [0x01])).toBe(false);
    expect(holds('bytes', [0x02, 0x61])).toBe(true);
  });

  test('a number of more than ten bytes, or of none', () => {
    expect(holds('long', Array<number>(11).fill(0x80))).toBe(false);
    expect(holds('long', [0x80])).toBe(false);
    expect(holds('long', [])).toBe(false);
  });

  test("a number out of its type's range, or inexact as a double", () => {
    expect(holds('int', [0xff, 0xff, 0xff, 0xff, 0x0f])).toBe(true);
    expect(holds('int', [0xff, 0xff, 0xff, 0xff, 0x1f])).toBe(false);
    expect(holds('long', [0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x0f])).toBe(true);
    expect(holds('long', [0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x10])).toBe(false);
  });

  test('an undefined branch or symbol', () => {
    expect(holds(['null', 'long'], [0x04])).toBe(false);
    expect(holds(['null', 'long'], [0x01])).toBe(false);
    expect(holds({ type: 'enum', name: 'E', symbols: ['A'] }, [0x02])).toBe(false);
  });

  test('records nested deeper than the stack', () => {
    const list: avro.Schema = { type: 'record', name: 'L', fields: [{ name: 'next', type: ['null', 'L'] }] };
    expect(holds(list, [0x02, 0x02, 0x00])).toBe(true);
    expect(holds(list, Array<number>(1_000_000).fill(0x02))).toBe(false);
  });
});

test('fixed, floating, boolean and wrapped types of other writers are measured too', () => {
  expect(holds({ type: 'fixed', name: 'F', size: 2 }, [1, 2])).toBe(true);
  expect(holds({ type: 'fixed', name: 'F', size: 2 }, [1])).toBe(false);
  expect(holds('float', [1, 2, 3, 4])).toBe(true);
  expect(holds('double', [1, 2, 3, 4])).toBe(false);
  expect(holds('boolean', [2])).toBe(false);
  expect(holds(['int', 'long'], [0x02, 0x00])).toBe(true);
});
