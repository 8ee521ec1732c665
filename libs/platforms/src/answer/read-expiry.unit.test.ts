import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { jwtExpiry, readExpiry } from './read-expiry.ts';

const NOW = Date.parse('2026-11-22T12:00:00Z');
const HOUR = 3_600_000;
const expiry = (value: unknown) => readExpiry({ value }, { relative: 'value', absolute: null }, NOW);
const at = (time: number) => ({ kind: 'at', at: time });

describe('an expiry is read from', () => {
  it.each<[string, unknown]>([
    ['seconds', 3600],
    ['seconds as text', '3600'],
    ['seconds with a fraction', 3600.0],
    ['seconds with an exponent', '3.6e3'],
    ['Unix seconds', (NOW + HOUR) / 1_000],
    ['Unix seconds as text', String((NOW + HOUR) / 1_000)],
    ['Unix milliseconds', NOW + HOUR],
    ['ISO 8601', '2026-11-22T13:00:00Z'],
    ['ISO 8601 with milliseconds and an offset', '2026-11-22T14:00:00.000+01:00'],
    ['ISO 8601 without a zone, which is UTC', '2026-11-22T13:00:00'],
    ['ISO 8601 with a space', '2026-11-22 13:00:00'],
    ['a date of RFC 1123', 'Sun, 22 Nov 2026 13:00:00 GMT'],
  ])('%s', (_name, value) => {
    expect(expiry(value)).toEqual(at(NOW + HOUR));
  });

  it('a field for an absolute time', () => {
    const absolute = (value: unknown) => readExpiry({ value }, { relative: null, absolute: 'value' }, NOW);
    expect(absolute((NOW + HOUR) / 1_000)).toEqual(at(NOW + HOUR));
    expect(absolute('2026-11-22T13:00:00Z')).toEqual(at(NOW + HOUR));
    expect(absolute(3600)).toEqual({ kind: 'unclear' });
  });

  it('the earlier of two fields', () => {
    const both = { expires_in: 7_200, expires_at: (NOW + HOUR) / 1_000 };
    expect(readExpiry(both, { relative: 'expires_in', absolute: 'expires_at' }, NOW)).toEqual(at(NOW + HOUR));
  });
});

it('a time in the past is unclear: such tokens do expire', () => {
  for (const value of [1_577_836_800, 1_577_836_800_000, '2020-01-01T00:00:00Z', 'Wed, 01 Jan 2020 00:00:00 GMT'])
    expect(expiry(value)).toEqual({ kind: 'unclear' });
});

it('0 is endless', () => {
  expect([expiry(0), expiry('0')]).toEqual([{ kind: 'endless' }, { kind: 'endless' }]);
});

it.each([-1, null, undefined, '', 'never', 'soon', {}, [], true, 1e13, 1e300, '9223372036854775', 'NaN', '2026'])(
  '%j states nothing, or no time that can be right',
  (value) => expect(['unstated', 'unclear', 'at']).toContain(expiry(value).kind),
);

it('an expiry is in the future, and at most 20 years away, whatever the answer has', () => {
  const values = fc.oneof(fc.jsonValue(), fc.double(), fc.bigInt().map(String), fc.date().map(String), fc.string());
  fc.assert(
    fc.property(values, (value) => {
      const stated = expiry(value);
      return stated.kind !== 'at' || (stated.at >= NOW && stated.at < NOW + 21 * 366 * 24 * HOUR);
    }),
  );
});

describe('exp of a JWT', () => {
  const jwt = (claims: unknown) => `e30.${Buffer.from(JSON.stringify(claims)).toString('base64url')}.c2ln`;

  it('is an upper bound', () => {
    expect(jwtExpiry(jwt({ exp: NOW / 1_000 + 600 }), NOW)).toBe(NOW + 600_000);
  });

  it.each<[string, string]>([
    ['text', jwt({ exp: String(NOW / 1_000 + 600) })],
    ['milliseconds', jwt({ exp: NOW + 600_000 })],
    ['past', jwt({ exp: NOW / 1_000 - 60 })],
    ['absent', jwt({})],
    ['absent from null', jwt(null)],
    ['of no JSON', 'a.b.c'],
    ['of an encrypted JWT, which has five parts', 'a.b.c.d.e'],
    ['of an opaque token', 'opaque'],
  ])('is ignored when it is %s', (_name, token) => {
    expect(jwtExpiry(token, NOW)).toBeNull();
  });

  it('never throws', () => {
    fc.assert(
      fc.property(fc.string(), fc.string(), (payload, rest) => jwtExpiry(`a.${payload}.${rest}`, NOW) === null),
    );
  });
});
