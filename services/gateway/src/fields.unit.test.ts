import { isIdempotencyKey } from '@vault-engine/protocol';
import { isFlowId, platformId, userId } from '@vault-engine/vault';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import * as field from './fields.ts';
import { requestLabel, secondsOf, timeOf } from './fields.ts';

test('a time in seconds is answered as the same seconds', () => {
  fc.assert(
    fc.property(fc.integer({ min: 1, max: 253_402_300_799 }), (seconds) => {
      expect(secondsOf(timeOf(seconds))).toBe(seconds);
    }),
  );
});

test('no token is stated to live longer than it does', () => {
  fc.assert(
    fc.property(fc.integer({ min: 0, max: 253_402_300_799_999 }), (ms) => {
      const seconds = secondsOf(new Date(ms));
      expect(seconds).not.toBeNull();
      expect(ms - 1_000 * (seconds ?? 0)).toBeGreaterThanOrEqual(0);
      expect(ms - 1_000 * (seconds ?? 0)).toBeLessThan(1_000);
    }),
  );
});

test('an unknown time stays null', () => {
  expect([timeOf(null), timeOf(undefined), secondsOf(null)]).toEqual([null, null, null]);
});

test.each(['a', 'req-1', '0af76519-16cd', 'a/b:c@d+e=f.g_h', 'x'.repeat(128)])('%s is echoed', (text) => {
  expect(requestLabel(text)).toBe(text);
});

test.each(['', 'a b', 'a"b', 'é', 'x'.repeat(129), '<script>', 'a, b'])('%s is not echoed', (text) => {
  expect(requestLabel(text)).toBeNull();
});

test('nothing that could break a header or a log line is echoed', () => {
  fc.assert(
    fc.property(fc.string({ unit: 'binary' }), (text) => {
      expect(requestLabel(text) ?? '').toMatch(/^[\x21-\x7e]*$/);
    }),
  );
});

const anyText = fc.oneof(
  fc.string({ unit: 'binary' }),
  fc.string({ unit: fc.constantFrom('a', 'Z', '0', '.', '_', '@', '|', '+', '-', '~', ':', ' '), maxLength: 140 }),
);
const idempotencyKey = field.optionalHeaders.shape['idempotency-key'];

test.each<[string, (text: string) => boolean, (text: string) => boolean]>([
  ['user_id', (text) => field.user_id.safeParse(text).success, (text) => userId(text) !== null],
  ['platform', (text) => field.platform.safeParse(text).success, (text) => platformId(text) !== null],
  ['flow_id', (text) => field.flow_id.safeParse(text).success, isFlowId],
  ['idempotency-key', (text) => idempotencyKey.safeParse(text).success, isIdempotencyKey],
  [
    'x-request-id',
    (text) => field.optionalHeaders.shape['x-request-id'].safeParse(text).success,
    (text) => requestLabel(text) !== null,
  ],
])('the published pattern of %s is the rule of the vault', (_, published, rule) => {
  fc.assert(
    fc.property(anyText, (text) => {
      expect(published(text)).toBe(rule(text));
    }),
    { numRuns: 1_000 },
  );
});

test('scopes are read from a list, a text or nothing', () => {
  const list = (given: unknown) => field.scopeList(field.givenScopes.nullish().parse(given));
  expect([list(['a', 'b']), list('a b'), list(''), list(null), list(undefined)]).toEqual([
    ['a', 'b'],
    ['a', 'b'],
    [],
    [],
    [],
  ]);
  for (const wrong of ['a  b', ' a', 'a"b', ['a b'], [''], 7])
    expect(field.givenScopes.safeParse(wrong).success).toBe(false);
});

test('a token expires at expires_at, or expires_in seconds from now, never later', () => {
  const now = 1_700_000_000_900;
  expect(field.expiryOf({ expires_at: 1_700_000_100 }, now)).toEqual(new Date(1_700_000_100_000));
  expect(field.expiryOf({ expires_in: 100 }, now)).toEqual(new Date(1_700_000_100_000));
  expect(field.expiryOf({}, now)).toBeNull();
});
