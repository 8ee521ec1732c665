import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { encodeBody, ownType } from './avro-records.ts';
import { InvalidRecord } from './errors.ts';
import { readSchemas } from './generate/read-schemas.ts';
import type { RecordName, StoreToken } from './records.ts';
import { arbitraryRecord } from './testing/arbitrary-record.ts';

const command: StoreToken = {
  user_id: 'u1',
  platform: 'gmail',
  access_token: Buffer.from('sealed'),
  refresh_token: null,
  expires_at: 1_800_000_000_000,
  scopes: ['email'],
  token_type: 'Bearer',
  refresh_expires_at: null,
  params: {},
  flow_id: null,
  allow_account_change: false,
};

const refusal = (value: unknown): InvalidRecord => {
  try {
    encodeBody('StoreToken', value);
  } catch (error) {
    if (error instanceof InvalidRecord) return error;
  }
  throw new Error('it was not refused');
};

describe.each(readSchemas().map(({ name, record }) => ({ name, record })))('$name', ({ name, record }) => {
  test('any value round-trips', () => {
    const { type } = ownType(name as RecordName); // a file of schemas/ is a record by its name
    fc.assert(
      fc.property(arbitraryRecord(record), (value) => {
        expect(type.fromBuffer(encodeBody(name as RecordName, value))).toEqual(value);
      }),
      { numRuns: 50 },
    );
  });
});

test('a value of a wrong type is refused with the path of its field', () => {
  expect(refusal({ ...command, user_id: 7 }).paths).toEqual(['user_id']);
  expect(refusal({ ...command, access_token: 'text' }).paths).toEqual(['access_token']);
  expect(refusal({ ...command, scopes: ['email', null] }).paths).toEqual(['scopes.1']);
  expect(refusal({ ...command, params: { a: 1 } }).paths).toEqual(['params.a']);
  expect(refusal(null).paths).toEqual(['the record itself']);
});

test('a missing field is refused', () => {
  const { user_id: _, ...rest } = command;
  expect(refusal(rest).paths).toEqual(['user_id']);
});

test('a number that cannot be encoded exactly is refused', () => {
  for (const number of [0.5, Number.NaN, 2 ** 53, 2 ** 52, -(2 ** 52) - 2, Number.POSITIVE_INFINITY]) {
    expect(() => encodeBody('StoreToken', { ...command, expires_at: number })).toThrow(InvalidRecord);
  }
  expect(() => encodeBody('StoreToken', { ...command, expires_at: 2 ** 52 - 1 })).not.toThrow();
});

test('a refusal shows no value', () => {
  const error = refusal({ ...command, access_token: 'a-secret', user_id: { deep: 'a-secret' } });
  expect(`${error.message} ${error.stack} ${JSON.stringify(error)} ${String(error.cause)}`).not.toContain('a-secret');
});

test('a record of any length is written', () => {
  const { type } = ownType('StoreToken');
  for (const length of [1, 16_000, 16_384, 16_385, 1_000_000]) {
    const value = { ...command, access_token: Buffer.alloc(length, 7) };
    expect(encodeBody('StoreToken', value).equals(type.toBuffer(value))).toBe(true);
  }
});
