import { describe, expect, test } from 'vitest';
import { CliFailure, EXIT } from './failure.ts';
import { engineId, keyId, pairs, pointInTime, wholeNumber } from './parse-arguments.ts';

const refusal = (parse: () => unknown): CliFailure => {
  try {
    parse();
  } catch (error) {
    if (error instanceof CliFailure) return error;
  }
  throw new Error('nothing was refused');
};

describe('a point in time', () => {
  test.each([
    ['1800000000', 1_800_000_000_000],
    ['2027-01-15T08:00:00Z', 1_800_000_000_000],
    ['2027-01-15T09:00:00.000+01:00', 1_800_000_000_000],
    ['0', 0],
  ])('is %s', (text, millis) => {
    expect(pointInTime('--expires-at', text).getTime()).toBe(millis);
  });

  test.each([
    '',
    'tomorrow',
    '2027-01-15',
    '2027-01-15T08:00:00',
    '2027-13-45T08:00:00Z',
    '-1',
    '1.5',
    '1800000000000',
  ])('is not %j: it has no zone, or is none', (text) => {
    expect(refusal(() => pointInTime('--expires-at', text)).exitCode).toBe(EXIT.usage);
  });
});

test('a whole number is accepted within its bounds', () => {
  expect(wholeNumber('--n', '7', 7, 7)).toBe(7);
  for (const text of ['6', '8', '', '7.0', '+7', '0x7', '7 ', 'seven'])
    expect(refusal(() => wholeNumber('--n', text, 7, 7)).message).toBe('--n takes a whole number from 7 to 7');
});

test('pairs are split at their first equals sign', () => {
  expect(pairs('--param', ['url=https://a?b=c', 'empty='])).toEqual({ url: 'https://a?b=c', empty: '' });
  for (const text of ['name', '=value']) expect(refusal(() => pairs('--param', [text])).exitCode).toBe(EXIT.usage);
});

test('refused ids are not repeated', () => {
  expect(engineId('sync')).toBe('sync');
  expect(keyId('0123abcd')).toBe('0123abcd');
  for (const parse of [engineId, keyId]) expect(refusal(() => parse('vek1.SECRET')).message).not.toContain('SECRET');
});
