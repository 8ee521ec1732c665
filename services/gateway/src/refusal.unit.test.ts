import { VaultError, VaultTimeout } from '@vault-engine/client';
import { ERRORS } from '@vault-engine/vault';
import { expect, test } from 'vitest';
import { errorBody, refusalOf } from './refusal.ts';

test.each(Object.entries(ERRORS))("the vault's %s goes out with the status and action of the table", (code, kind) => {
  expect(refusalOf(new VaultError(code, 'as the vault says', { retryAfterMs: 1_500 }))).toEqual({
    status: kind.http,
    code,
    message: 'as the vault says',
    action: kind.action,
    retryAfterMs: 1_500,
  });
});

test('a code of a later vault is a 500 with the action that came with it', () => {
  const error = new VaultError('moon_phase', 'wait', { suggestedAction: 'retry' });
  expect(refusalOf(error)).toMatchObject({ status: 500, code: 'moon_phase', action: 'retry' });
});

test('no answer in time is 504, without advice that only an operator can follow', () => {
  const error = new VaultTimeout('no answer', false, { requestId: 'an id' });
  expect(refusalOf(error)).toMatchObject({ status: 504, code: 'deadline_exceeded', action: 'retry' });
  expect(refusalOf(error).message).not.toMatch(/broker|credential/);
});

test('the answer to an unexpected error discloses nothing of it', () => {
  expect(errorBody(refusalOf(new Error('canary')), 'an id')).toEqual({
    error_code: 'internal',
    message: 'the request failed unexpectedly',
    suggested_action: 'contact_operator',
    request_id: 'an id',
  });
});

test('the first few of many problems are listed, each cut to a limit', () => {
  const validation = Array.from({ length: 50 }, (_, index) => ({
    instancePath: `/scopes/${index}`,
    message: 'x'.repeat(500),
  }));
  const { message } = refusalOf(Object.assign(new Error('validation'), { statusCode: 400, validation }));
  expect(message.length).toBeLessThan(1_000);
  expect(message).toMatch(/^scopes\.0: x+; scopes\.1: x+/);
});

test('a name with the form of a field name is repeated, any other is left out', () => {
  const validation = [
    {
      keyword: 'unrecognized_keys',
      instancePath: '/',
      message: 'Unrecognized keys',
      params: { keys: ['acess_token'] },
    },
    { keyword: 'unrecognized_keys', instancePath: '/', message: 'canary1', params: { keys: ['access_token=canary1'] } },
    { keyword: 'invalid_type', instancePath: '/params/canary1', message: 'expected string' },
    { keyword: 'invalid_type', instancePath: '/scopes/0', message: 'expected string' },
  ];
  const { message } = refusalOf(Object.assign(new Error('validation'), { statusCode: 400, validation }));
  expect(message).toBe(
    'the body: unknown fields "acess_token"; the body: unknown fields "…"; params.…: expected string; scopes.0: expected string',
  );
});
