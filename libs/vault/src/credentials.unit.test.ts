import { randomBytes } from 'node:crypto';
import { ciphertext, type DataKey, dataKey } from '@vault-engine/crypto';
import { reveal, secretOf } from '@vault-engine/crypto/plaintext';
import { platformId, type UserId, userId } from '@vault-engine/model';
import { describe, expect, it } from 'vitest';
import type { ConnectionRecord } from './connection-record.ts';
import { openAccess, openRefresh, RecordCorrupt, sealCredentials } from './credentials.ts';

const named = (text: string): UserId => {
  const user = userId(text);
  if (user === null) throw new RangeError(text);
  return user;
};
const gmail = platformId('gmail');
if (gmail === null) throw new RangeError('gmail');
const name = { user: named('u1'), platform: gmail };
const newKey = (): DataKey => dataKey(randomBytes(16), randomBytes(32));

const recordOf = (key: DataKey, access: string, refresh: string | null = null): ConnectionRecord => ({
  ...sealCredentials(key, name, 7, 1, {
    access: secretOf(Buffer.from(access)),
    refresh: refresh === null ? null : secretOf(Buffer.from(refresh)),
    metadata: { tokenType: 'Bearer', scopes: [], expiresAt: null, refreshExpiresAt: null, params: {} },
  }),
  condition: { kind: 'good' },
  grant: { since: 1, endsAt: null, refreshedAt: null, account: null },
  lastPublishedStatus: '',
  lease: null,
});

/** Opened so often that whatever is kept of it is kept. */
const openOften = (key: DataKey, record: ConnectionRecord): void => {
  for (let time = 0; time < 3; time += 1) openAccess(key, name, record).wipe();
};

const accessIn = (key: DataKey, record: ConnectionRecord, of = name): string =>
  reveal(openAccess(key, of, record)).toString();

describe('the access token of a record', () => {
  it('is the same each time that the record is opened, whatever was done to the one before', () => {
    const key = newKey();
    const record = recordOf(key, 'a token');
    openOften(key, record);
    expect(accessIn(key, record)).toBe('a token');
  });

  it('is not unlocked again, once it was opened twice', () => {
    const key = newKey();
    const record = recordOf(key, 'a token');
    openAccess(key, name, record);
    expect(key.recall('u1:gmail', record)).toBeUndefined();
    openAccess(key, name, record);
    const kept = key.recall('u1:gmail', record);
    expect(kept).toBeDefined();
    openAccess(key, name, record);
    expect(key.recall('u1:gmail', record)).toBe(kept);
    expect(key.recall('u1:gmail', { ...record })).toBeUndefined();
  });

  it('is that of the record that is opened, not of the one before it in the same place', () => {
    const key = newKey();
    const [before, after] = [recordOf(key, 'before'), recordOf(key, 'after')];
    openOften(key, before);
    expect([before, after, before].map((record) => accessIn(key, record))).toEqual(['before', 'after', 'before']);
  });

  it.each([
    ['another user', { ...name, user: named('u2') }],
    ['another platform', { ...name, platform: platformId('slack') ?? gmail }],
  ])('does not open for %s, although it was opened before', (_whose, of) => {
    const key = newKey();
    const record = recordOf(key, 'a token');
    openOften(key, record);
    expect(() => accessIn(key, record, of)).toThrow(RecordCorrupt);
  });

  it('does not open under another data key, although it was opened before', () => {
    const [key, other] = [newKey(), newKey()];
    const record = recordOf(key, 'a token');
    openOften(key, record);
    expect(() => accessIn(dataKey(key.kid, randomBytes(32)), record)).toThrow(RecordCorrupt);
    expect(() => accessIn(other, record)).toThrow(RecordCorrupt);
  });

  it.each([
    ['metadata', { metadata: { ...recordOf(newKey(), '').metadata, scopes: ['more'] } }],
    ['version', { version: 8 }],
  ])('does not open beside another %s, although it was opened before', (_what, other) => {
    const key = newKey();
    const record = recordOf(key, 'a token');
    openOften(key, record);
    expect(() => accessIn(key, { ...record, ...other })).toThrow(RecordCorrupt);
  });

  it('does not open where its ciphertext was changed, each time that it is tried', () => {
    const key = newKey();
    const record = recordOf(key, 'a token');
    const access = ciphertext(Buffer.from(record.access));
    access[access.length - 20] = (access.at(-20) ?? 0) ^ 1;
    const changed = { ...record, access };
    expect(() => accessIn(key, changed)).toThrow(/tampered/);
    expect(() => accessIn(key, changed)).toThrow(/tampered/);
  });
});

it('opens the refresh token of a record, where it has one', () => {
  const key = newKey();
  const opened = openRefresh(key, name, recordOf(key, 'a', 'r'));
  expect(opened === null ? null : reveal(opened).toString()).toBe('r');
  expect(openRefresh(key, name, recordOf(key, 'a'))).toBeNull();
});
