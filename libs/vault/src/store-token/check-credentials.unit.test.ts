import { secretOf } from '@vault-engine/crypto/plaintext';
import { describe, expect, it } from 'vitest';
import type { ConnectionMetadata } from '../connection-record.ts';
import { checkCredentials } from './check-credentials.ts';

const metadata: ConnectionMetadata = {
  tokenType: 'Bearer',
  scopes: ['email'],
  expiresAt: null,
  refreshExpiresAt: null,
  params: {},
};
const credentials = (access: string, refresh: string | null = null, changed: Partial<ConnectionMetadata> = {}) => ({
  access: secretOf(Buffer.from(access)),
  refresh: refresh === null ? null : secretOf(Buffer.from(refresh)),
  metadata: { ...metadata, ...changed },
});

describe('checkCredentials', () => {
  it('takes what OAuth allows', () => {
    expect(checkCredentials(credentials('abcd', 'r1'))).toBeNull();
    expect(
      checkCredentials(
        credentials('ya29.a0 ~', null, { scopes: ['https://mail.google.com/'], expiresAt: 1_900_000_000_000 }),
      ),
    ).toBeNull();
  });

  it.each([
    ['an empty access token', credentials(''), 'access_token'],
    ['a token with a line break', credentials('ab\ncd'), 'access_token'],
    ['a token that is too long', credentials('x'.repeat(32_769)), 'access_token'],
    ['an empty refresh token', credentials('abcd', ''), 'refresh_token'],
    ['a scope with a space', credentials('abcd', null, { scopes: ['a b'] }), 'scopes'],
    ['too many scopes', credentials('abcd', null, { scopes: Array(257).fill('a') }), 'scopes'],
    ['scopes that are too long together', credentials('abcd', null, { scopes: ['x'.repeat(8_193)] }), 'scopes'],
    ['a time before 1970', credentials('abcd', null, { expiresAt: -1 }), 'expires_at'],
    ['a time that is no integer', credentials('abcd', null, { refreshExpiresAt: 0.5 }), 'refresh_expires_at'],
    ['an empty token type', credentials('abcd', null, { tokenType: '' }), 'token_type'],
    ['a parameter name with a space', credentials('abcd', null, { params: { 'a b': 'c' } }), 'params'],
  ])('refuses %s and names the field', (_title, given, field) => {
    const failure = checkCredentials(given);
    expect(failure?.code).toBe('invalid_request');
    expect(failure?.message).toContain(field);
  });

  it('names no value', () => {
    expect(JSON.stringify(checkCredentials(credentials('se\ncret')))).not.toContain('cret');
  });
});
