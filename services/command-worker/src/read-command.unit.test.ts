import type { Decoded, Records } from '@vault-engine/contracts';
import { secretOf } from '@vault-engine/crypto/plaintext';
import { sealForVault } from '@vault-engine/protocol';
import { describe, expect, it, test } from 'vitest';
import { readCommand } from './read-command.ts';
import { commandRecord, inProgress, sampleEngine, statusRecord, TOPIC, USER } from './testing/command-samples.ts';

const sync = sampleEngine('sync');
const fromStatus = inProgress(sync, statusRecord(sync.keys.kafka));
const decoded = <Name extends 'GetStatus' | 'GetToken' | 'StartConnection' | 'StoreToken' | 'ForgetUser'>(
  name: Name,
  value: Records[Name],
): Decoded => ({ ok: true, name, value }) as Decoded; // a record of the contracts

test('a command whose type, key and fields agree is read', () => {
  expect(readCommand(decoded('GetStatus', { user_id: USER }), fromStatus)).toEqual({
    ok: true,
    command: { type: 'GetStatus', user: USER, platform: null },
  });
});

test('a value that cannot be decoded is refused, and goes to the dead-letter topic', () => {
  expect(readCommand({ ok: false, reason: 'undecodable' }, fromStatus)).toMatchObject({
    ok: false,
    failure: { code: 'invalid_request', reason: 'undecodable' },
    poison: 'undecodable',
  });
});

const token: Records['GetToken'] = {
  user_id: USER,
  platform: 'gmail',
  min_validity_seconds: null,
  rejected_version: null,
};
const fromToken = inProgress(sync, commandRecord(sync.keys.kafka, 'GetToken', token));
const fromStart = inProgress(
  sync,
  commandRecord(sync.keys.kafka, 'StartConnection', { user_id: USER, platform: 'gmail', flow_id: null }),
);

test.each([
  ['not_a_command', 'a record of another kind', { ok: true, name: 'CommandFailed', value: {} } as Decoded, fromStatus],
  ['type_mismatch', 'another type than the header names', decoded('GetToken', token), fromStatus],
  ['invalid_field', 'a user id of other characters', decoded('GetStatus', { user_id: 'u 1' }), fromStatus],
  ['key_mismatch', 'another user than the message key names', decoded('GetStatus', { user_id: 'u2' }), fromStatus],
  ['invalid_field', 'a platform that is not an id', decoded('GetToken', { ...token, platform: 'Gmail!' }), fromToken],
  ['invalid_field', 'a negative validity', decoded('GetToken', { ...token, min_validity_seconds: -1 }), fromToken],
  [
    'invalid_field',
    'a flow id with a space',
    decoded('StartConnection', { user_id: USER, platform: 'gmail', flow_id: 'a b' }),
    fromStart,
  ],
])('%s: %s is refused, and does not go to the dead-letter topic', (reason, _, record, from) => {
  expect(readCommand(record, from)).toMatchObject({
    ok: false,
    failure: { code: 'invalid_request', reason },
    poison: null,
  });
});

describe('StoreToken', () => {
  const commandId = Buffer.alloc(16, 7);
  const at = { topic: TOPIC, commandId, commandType: 'StoreToken', user: USER, platform: 'gmail' };
  const sealed = (field: string, text: string, platform = 'gmail') =>
    sealForVault(sync.keys.kafka, { ...at, platform, field }, secretOf(Buffer.from(text)));
  const store: Records['StoreToken'] = {
    user_id: USER,
    platform: 'gmail',
    access_token: sealed('access_token', 'an access token'),
    refresh_token: sealed('refresh_token', 'a refresh token'),
    expires_at: null,
    scopes: ['a', 'b'],
    token_type: 'Bearer',
    refresh_expires_at: null,
    params: {},
    flow_id: null,
    allow_account_change: false,
  };
  const read = (value: Records['StoreToken']) =>
    readCommand(
      decoded('StoreToken', value),
      inProgress(sync, commandRecord(sync.keys.kafka, 'StoreToken', value, { head: { commandId } })),
    );

  it('is read with both tokens unsealed', () => {
    const result = read(store);
    expect(result).toMatchObject({ ok: true, command: { type: 'StoreToken', metadata: { scopes: ['a', 'b'] } } });
  });

  it('is read without a refresh token', () => {
    expect(read({ ...store, refresh_token: null })).toMatchObject({ ok: true, command: { refresh: null } });
  });

  it.each([
    ['the tokens are swapped', { access_token: store.refresh_token ?? Buffer.alloc(0) }],
    ['a token is sealed for another platform', { access_token: sealed('access_token', 'a token', 'slack') }],
    ['the refresh token is sealed as an access token', { refresh_token: sealed('access_token', 'a token') }],
    ['a token is not sealed', { access_token: Buffer.from('an access token') }],
  ])('is refused when %s', (_, changes) => {
    expect(read({ ...store, ...changes })).toMatchObject({
      ok: false,
      failure: { code: 'invalid_request', reason: 'seal' },
      poison: null,
    });
  });

  it('is refused when a field breaks a rule of the domain', () => {
    expect(read({ ...store, token_type: '' })).toMatchObject({ ok: false, failure: { code: 'invalid_request' } });
  });
});
