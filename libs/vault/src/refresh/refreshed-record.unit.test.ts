import { reveal, secretOf } from '@vault-engine/crypto/plaintext';
import { statusText } from '@vault-engine/model';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { ConnectionRecord } from '../connection-record.ts';
import { openAccess, openRefresh } from '../credentials.ts';
import type { RefreshedCredentials } from '../providers.ts';
import { status } from '../status.ts';
import { connectionOf } from '../testing/connection-samples.ts';
import { GMAIL, KEY, NOW, USER } from '../testing/flow-samples.ts';
import { metadataAfter, refreshedRecord } from './refreshed-record.ts';

const NAME = { user: USER, platform: GMAIL };
const DAY_MS = 86_400_000;

const refreshedCredentials = (changes: Partial<RefreshedCredentials> = {}): RefreshedCredentials => ({
  access: secretOf(Buffer.from('new access')),
  refresh: secretOf(Buffer.from('new refresh')),
  expiresAt: NOW + 3_600_000,
  refreshExpiresAt: null,
  scopes: null,
  tokenType: 'Bearer',
  params: {},
  ...changes,
});

const old = connectionOf(3, {
  condition: { kind: 'dead', reason: 'outcome_unknown', since: 1 },
  lease: { owner: 'o', until: NOW, phase: 'called' },
});
const recordAfter = (changes: Partial<RefreshedCredentials> = {}, before = old, now = NOW) =>
  refreshedRecord(before, refreshedCredentials(changes), {
    key: KEY,
    name: NAME,
    version: 4,
    client: null,
    now,
    refresh: secretOf(Buffer.from('spent refresh')),
  });

describe('a refreshed record', () => {
  it('notes whether the refresh token was rotated, and one rotation for good', () => {
    const rotationAfter = (refresh: string | null, before = old) =>
      recordAfter({ refresh: refresh === null ? null : secretOf(Buffer.from(refresh)) }, before).grant.rotation;
    expect(['another', null, 'spent refresh'].map((token) => rotationAfter(token))).toEqual([
      'rotated',
      'kept',
      'kept',
    ]);
    const rotated = { ...old, grant: { ...old.grant, rotation: 'rotated' as const } };
    expect(rotationAfter(null, rotated)).toBe('rotated');
  });

  it('opens to the new tokens, is good, has no lease, and notes its published status', () => {
    const record = recordAfter();
    expect(reveal(openAccess(KEY, NAME, record)).toString()).toBe('new access');
    expect(String(reveal(openRefresh(KEY, NAME, record) ?? expect.unreachable()))).toBe('new refresh');
    expect(record).toMatchObject({
      version: 4,
      tokenVersion: 4,
      storedAt: NOW,
      condition: { kind: 'good' },
      lease: null,
    });
    expect(record.lastPublishedStatus).toBe(statusText(status(record, NOW)));
    expect(record.grant).toEqual({ ...old.grant, refreshedAt: NOW, rotation: 'rotated' });
  });

  it('keeps the refresh token that was spent where the answer names no other (RFC 6749 §6)', () => {
    const kept = openRefresh(KEY, NAME, recordAfter({ refresh: null }));
    expect(String(reveal(kept ?? expect.unreachable()))).toBe('spent refresh');
  });

  it('has the scopes and parameters that the answer names, and the others as before', () => {
    const before = { ...old, metadata: { ...old.metadata, scopes: ['a'] } };
    const metadata = metadataAfter(before, refreshedCredentials({ params: { host: 'x' } }), false);
    expect(metadata).toMatchObject({ scopes: ['a'], params: { region: 'eu', host: 'x' } });
    expect(metadataAfter(old, refreshedCredentials({ scopes: ['b'] }), false).scopes).toEqual(['b']);
  });

  it('has the end of a refresh token that stays in use, and not that of one that was replaced', () => {
    const ends = { ...old, metadata: { ...old.metadata, refreshExpiresAt: NOW + DAY_MS } };
    expect(metadataAfter(ends, refreshedCredentials({ refresh: null }), true).refreshExpiresAt).toBe(NOW + DAY_MS);
    expect(metadataAfter(ends, refreshedCredentials(), false).refreshExpiresAt).toBeNull();
  });

  it('has a stated end of a refresh token that the answer repeats, and not an assumed one in its place', () => {
    const grant = { ...old.grant, endIsStated: true as const };
    const ends: ConnectionRecord = { ...old, grant, metadata: { ...old.metadata, refreshExpiresAt: NOW + 3 * DAY_MS } };
    const assumed = { refreshExpiresAt: NOW + 14 * DAY_MS, endIsAssumed: true };
    const endOf = (changes: Partial<RefreshedCredentials>, before = ends) =>
      recordAfter({ refresh: secretOf(Buffer.from('spent refresh')), ...changes }, before).metadata.refreshExpiresAt;
    expect(endOf(assumed)).toBe(NOW + 3 * DAY_MS);
    expect(endOf({})).toBe(NOW + 3 * DAY_MS);
    expect(endOf({ ...assumed, endIsAssumed: false })).toBe(NOW + 14 * DAY_MS);
    expect(endOf({ ...assumed, refresh: secretOf(Buffer.from('another')) })).toBe(NOW + 14 * DAY_MS);
    expect(endOf(assumed, { ...ends, grant: old.grant })).toBe(NOW + 14 * DAY_MS);
  });
});

describe('the end of a refresh token', () => {
  const endsAt = (refreshExpiresAt: number, elapsed: number) => {
    const before = { ...old, storedAt: NOW, metadata: { ...old.metadata, refreshExpiresAt: NOW + 30 * DAY_MS } };
    return recordAfter({ refreshExpiresAt }, before, NOW + elapsed).grant.endsAt;
  };

  it('that a refresh has not put off is that of the grant', () => {
    expect(endsAt(NOW + 30 * DAY_MS, DAY_MS)).toBe(NOW + 30 * DAY_MS);
  });

  it('that a refresh has put off says nothing of the grant', () => {
    expect(endsAt(NOW + 31 * DAY_MS, DAY_MS)).toBeNull();
    expect(endsAt(NOW + 30 * DAY_MS, 1_000)).toBeNull();
  });

  it('never puts off an end of the grant that is known', () => {
    fc.assert(
      fc.property(fc.nat(60), fc.nat(60), fc.integer({ min: 1, max: 29 }), (known, refreshDays, elapsedDays) => {
        const grant = { ...old.grant, endsAt: NOW + known * DAY_MS };
        const metadata = { ...old.metadata, refreshExpiresAt: NOW + 30 * DAY_MS };
        const changes = { refreshExpiresAt: NOW + refreshDays * DAY_MS };
        const refreshed = recordAfter(changes, { ...old, storedAt: NOW, metadata, grant }, NOW + elapsedDays * DAY_MS);
        expect(refreshed.grant.endsAt).toBeLessThanOrEqual(grant.endsAt);
      }),
    );
  });
});
