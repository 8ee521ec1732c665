import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { testProfile } from '../testing/profile-of-test.ts';
import { type AnswerObject, errorCode, readBody, retryAfterMs, saysOk } from './read-answer.ts';

type Written = NonNullable<Parameters<typeof testProfile>[1]>;
const profile = (written: Written = {}) => testProfile('https://provider.example/token', written);
const NO_HEADERS = { contentEncoding: null, wwwAuthenticate: null };
const read = (text: string, json_prefix: string | null = null) =>
  readBody({ headers: NO_HEADERS, body: Buffer.from(text) }, { json_prefix });

describe('a body is read', () => {
  const TOKENS = { access_token: 'a/b+c==', refresh_token: 'r', expires_in: '3600', scope: 'x y' };

  it('as JSON', () => {
    expect(read(` ${JSON.stringify(TOKENS)}\n`)).toEqual({ ok: true, value: TOKENS });
  });

  it('as a form, whatever its content type', () => {
    expect(read(new URLSearchParams(TOKENS).toString())).toEqual({ ok: true, value: TOKENS });
    expect(read('error=invalid_grant&error_description=gone\n')).toEqual({
      ok: true,
      value: { error: 'invalid_grant', error_description: 'gone' },
    });
    expect(read('access_token=a==&token_type=bearer')).toMatchObject({ value: { access_token: 'a==' } });
  });

  it('as a form of which the first value of a repeated field counts', () => {
    expect(read('a=1&a=2')).toEqual({ ok: true, value: { a: '1' } });
  });

  it('as every form that URLSearchParams writes', () => {
    fc.assert(
      fc.property(fc.dictionary(fc.stringMatching(/^[a-z_]{1,12}$/), fc.string(), { minKeys: 1 }), (fields) => {
        expect(read(new URLSearchParams(fields).toString())).toEqual({ ok: true, value: { ...fields } });
      }),
    );
  });

  it('after the prefix that the profile names, and not after another', () => {
    expect(read(')]}\',\n{"a":1}', ")]}',")).toEqual({ ok: true, value: { a: 1 } });
    expect(read('{"a":1}', ")]}',")).toEqual({ ok: true, value: { a: 1 } });
    expect(read(')]}\',\n{"a":1}')).toMatchObject({ ok: false });
  });

  it.each([
    '',
    ' ',
    '<html><a href="?a=b&c=d"></a></html>',
    'Bad Gateway',
    'error = x',
    'a',
    '=',
    '[]',
    'null',
    '"a=b"',
    '1',
  ])('not as an object: %s', (text) => expect(read(text)).toEqual({ ok: false, reason: 'answer_unreadable' }));
});

describe('the error code is', () => {
  const codeIn = (
    object: AnswerObject | null,
    written: Written = {},
    more: { status?: number; challenge?: string } = {},
  ) =>
    errorCode(profile(written), object, {
      status: more.status ?? 400,
      headers: { ...NO_HEADERS, wwwAuthenticate: more.challenge ?? null },
    });
  const DEAD = { errors: { grant_dead: ['dead', 40_105] } };

  it.each<[string, unknown, Written['response']]>([
    ['a text', { error: 'dead' }, {}],
    ['a number, which a profile may list as one', { code: 40_105 }, { error_path: 'code' }],
    ['in a list', { error: ['other', 'dead'] }, {}],
    ['in a list of objects', { errors: [{ code: 'other' }, { code: 'dead' }] }, { error_path: 'errors.code' }],
    ['in a list, by its index', { errors: [{ code: 'dead' }] }, { error_path: 'errors.0.code' }],
    ['in an object under a usual name', { error: { code: 401, status: 'dead' } }, {}],
    ['in a list of objects under a usual name', { errors: [{ type: 'dead' }] }, { error_path: 'errors' }],
    ['at the second path', { error: 'invalid_request', reason: 'dead' }, { error_path: ['error', 'reason'] }],
  ])('found %s', (_name, object, response) => {
    expect(['dead', '40105']).toContain(codeIn(object as AnswerObject, { ...DEAD, ...(response && { response }) }));
  });

  it('found in WWW-Authenticate where the body has none (RFC 6750 §3)', () => {
    const challenge = 'Bearer realm="x", error="dead", error_description="no"';
    expect(codeIn(null, DEAD, { status: 401, challenge })).toBe('dead');
    expect(codeIn({ error: 'dead' }, DEAD, { challenge: 'Basic error=other' })).toBe('dead');
    expect(codeIn({ message: 'x' }, DEAD, { challenge: 'Basic realm="error"' })).toBeNull();
    expect(codeIn(null, DEAD, { status: 200, challenge })).toBeNull();
  });

  it('the first one where none is listed', () => {
    expect(codeIn({ error: ['one', 'two'] })).toBe('one');
    expect(codeIn({})).toBeNull();
  });

  it('none in a success with an object that the profile does not know', () => {
    expect(codeIn({ error: { code: 'other' } }, {}, { status: 200 })).toBeNull();
    expect(codeIn({ error: { code: 'other' } })).toBe('other');
  });

  it('a text or null for every JSON value', () => {
    const written = { response: { error_path: ['error', 'errors.code', 'a.0.b'] } };
    fc.assert(
      fc.property(fc.dictionary(fc.constantFrom('error', 'errors', 'a'), fc.jsonValue()), (object) => {
        const code = codeIn(object, written);
        return code === null || typeof code === 'string';
      }),
    );
  });
});

describe('a success says so', () => {
  const says = (response: Written['response'], object: AnswerObject | null) =>
    saysOk(profile(response && { response }).response, object);

  it('by one of the values of `ok`, as number or text', () => {
    const ok = { ok: { path: 'code', equals: [0, '0000', true] } };
    expect([0, '0', '0000', true].map((code) => says(ok, { code }))).toEqual([true, true, true, true]);
    expect([1, '', false, null, '00', {}].map((code) => says(ok, { code }))).toEqual(Array(6).fill(false));
    expect([says(ok, {}), says(ok, null)]).toEqual([null, null]);
  });

  it('by `ok_path` with true', () => {
    expect([true, false, 'true'].map((ok) => says({ ok_path: 'ok' }, { ok }))).toEqual([true, false, false]);
    expect(says({}, { ok: false })).toBeNull();
  });
});

const NOW = Date.parse('2026-11-22T12:00:00Z');

it.each([
  ['120', 120_000],
  [' 0 ', 0],
  ['Sun, 22 Nov 2026 12:05:00 GMT', 300_000],
  ['Sunday, 22-Nov-26 12:05:00 GMT', 300_000],
  ['Sun, 22 Nov 2020 12:05:00 GMT', 0],
  ['999999999', 86_400_000],
  ['Sun, 22 Nov 2099 12:05:00 GMT', 86_400_000],
])('Retry-After "%s" is read', (header, wait) => {
  expect(retryAfterMs(header, NOW)).toBe(wait);
});

it.each([null, '', 'soon', '-1', '1.5', '12345678901', 'NaN'])('Retry-After %s is ignored', (header) => {
  expect(retryAfterMs(header, NOW)).toBeNull();
});

it('the wait is at most a day, whatever Retry-After has', () => {
  fc.assert(
    fc.property(fc.string(), (header) => {
      const wait = retryAfterMs(header, NOW);
      return wait === null || (wait >= 0 && wait <= 86_400_000);
    }),
  );
});
