import { ciphertext } from '@vault-engine/crypto';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { ConnectionRecord } from './model.ts';
import { overtaken, status } from './status.ts';

const record = (expiresAt: number | null, refreshExpiresAt: number | null, refresh: boolean): ConnectionRecord => ({
  version: 1,
  tokenVersion: 1,
  storedAt: 0,
  metadata: { tokenType: 'Bearer', scopes: [], expiresAt, refreshExpiresAt, params: {} },
  access: ciphertext(Buffer.from('a')),
  refresh: refresh ? ciphertext(Buffer.from('r')) : null,
  condition: { kind: 'good' },
  lease: null,
});

describe('status', () => {
  it('calls an absent connection MISSING and suggests to connect', () => {
    expect(status(null, 0)).toMatchObject({ status: 'MISSING', action: 'CONNECT', expiresAt: null, lapsesAt: null });
  });

  it('calls a token usable up to, and not at, its expiry', () => {
    expect(status(record(1_000, null, false), 999)).toMatchObject({ status: 'CONNECTED', action: 'NONE' });
    expect(status(record(1_000, null, false), 1_000)).toMatchObject({
      status: 'EXPIRED',
      action: 'REAUTH',
      reason: 'access_token_expired',
    });
  });

  it('calls a token without an expiry CONNECTED at any time', () => {
    fc.assert(
      fc.property(fc.nat(), (now) => {
        expect(status(record(null, null, false), now).status).toBe('CONNECTED');
      }),
    );
  });

  it('says that a connection lapses with its refresh token, or with its access token where it has none', () => {
    expect(status(record(1_000, 5_000, true), 0).lapsesAt).toBe(5_000);
    expect(status(record(1_000, null, false), 0).lapsesAt).toBe(1_000);
  });

  it('says of a view that was taken earlier what the record says now', () => {
    const time = fc.nat(10);
    const maybe = fc.option(time, { nil: null });
    fc.assert(
      fc.property(maybe, maybe, fc.boolean(), time, time, (expiresAt, refreshExpiresAt, refresh, taken, later) => {
        const connection = record(expiresAt, refreshExpiresAt, refresh);
        const view = status(connection, taken);
        expect({ ...view, ...overtaken(view, taken + later) }).toEqual(status(connection, taken + later));
      }),
    );
  });
});
