import { ciphertext } from '@vault-engine/crypto';
import { nextStatusChangeAt, statusAt, statusText } from '@vault-engine/model';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { Condition, ConnectionRecord } from './connection-record.ts';
import { status } from './status.ts';

interface Facts {
  readonly expiresAt?: number | null;
  readonly refreshExpiresAt?: number | null;
  readonly refresh?: boolean;
  readonly condition?: Condition;
  readonly endsAt?: number | null;
}

const record = ({
  expiresAt = null,
  refreshExpiresAt = null,
  refresh = false,
  condition = { kind: 'good' },
  endsAt = null,
}: Facts): ConnectionRecord => ({
  version: 1,
  tokenVersion: 1,
  storedAt: 0,
  metadata: { tokenType: 'Bearer', scopes: [], expiresAt, refreshExpiresAt, params: {} },
  access: ciphertext(Buffer.from('a')),
  refresh: refresh ? ciphertext(Buffer.from('r')) : null,
  condition,
  grant: { since: 0, endsAt, refreshedAt: null, account: null },
  lastPublishedStatus: '',
  lease: null,
});

const failing: Condition = {
  kind: 'failing',
  reason: 'provider_unavailable',
  since: 0,
  failures: 1,
  retryAt: 5,
  unknownSince: null,
};
const dead: Condition = { kind: 'dead', reason: 'grant_refused', since: 0 };
const DAY = 86_400_000;

describe('status', () => {
  it('calls an absent connection MISSING and suggests to connect', () => {
    expect(status(null, 0)).toMatchObject({ status: 'MISSING', action: 'CONNECT', expiresAt: null, lapsesAt: null });
  });

  it('suggests to resume while the flow of an absent connection is open', () => {
    const flow = { id: 'f', platform: 'gmail' as never, startedAt: 0, expiresAt: 10 }; // no status depends on its name
    expect([status(null, 9, flow).action, status(null, 10, flow).action]).toEqual(['RESUME', 'CONNECT']);
  });

  it('calls a token usable up to, and not at, its expiry', () => {
    expect(status(record({ expiresAt: 1_000 }), 999)).toMatchObject({ status: 'CONNECTED', action: 'NONE' });
    expect(status(record({ expiresAt: 1_000 }), 1_000)).toMatchObject({
      status: 'EXPIRED',
      action: 'REAUTH',
      reason: 'access_token_expired',
    });
  });

  it('calls a token without an expiry CONNECTED at any time', () => {
    fc.assert(
      fc.property(fc.nat(), (now) => {
        expect(status(record({}), now).status).toBe('CONNECTED');
      }),
    );
  });

  it('lets a connection lapse with its grant or refresh token, or with its access token if it is not refreshed', () => {
    const times = { expiresAt: 1_000, refreshExpiresAt: 5_000 };
    expect(status(record({ ...times, refresh: true }), 0).lapsesAt).toBe(5_000);
    expect(status(record({ ...times, refresh: true, endsAt: 4_000 }), 0).lapsesAt).toBe(4_000);
    expect(status(record({ ...times, refresh: true, condition: { kind: 'none' } }), 0).lapsesAt).toBe(1_000);
    expect(status(record({ ...times, refresh: true, condition: dead }), 0).lapsesAt).toBe(1_000);
    expect(status(record({ expiresAt: 1_000 }), 0).lapsesAt).toBe(1_000);
  });

  it('calls a connection with good refreshes CONNECTED although its access token has expired', () => {
    expect(status(record({ expiresAt: 1, refresh: true }), 2)).toMatchObject({ status: 'CONNECTED', action: 'NONE' });
  });

  it('calls a connection with failing refreshes EXPIRED when its access token has expired, and suggests to retry', () => {
    const connection = record({ expiresAt: 10, refresh: true, condition: failing });
    const reason = 'provider_unavailable';
    expect(status(connection, 9)).toMatchObject({ status: 'CONNECTED', action: 'NONE', reason });
    expect(status(connection, 10)).toMatchObject({ status: 'EXPIRED', action: 'RETRY', reason });
  });

  it('asks for the user as soon as the grant is dead, and calls it EXPIRED with its access token', () => {
    const connection = record({ expiresAt: 10, refresh: true, condition: dead });
    expect(status(connection, 9)).toMatchObject({ status: 'CONNECTED', action: 'REAUTH', reason: 'grant_refused' });
    expect(status(connection, 10)).toMatchObject({ status: 'EXPIRED', action: 'REAUTH', reason: 'grant_refused' });
  });

  it('asks for the user three days ahead of the end of a long grant, and says EXPIRED at its end', () => {
    const connection = record({ expiresAt: 1, refresh: true, endsAt: 100 * DAY });
    expect(status(connection, 97 * DAY - 1)).toMatchObject({ status: 'CONNECTED', action: 'NONE', reason: null });
    expect(status(connection, 97 * DAY)).toMatchObject({ action: 'REAUTH', reason: 'grant_lapses' });
    expect(status(connection, 100 * DAY)).toMatchObject({ status: 'EXPIRED', reason: 'refresh_token_expired' });
  });

  it('says of a view that was taken earlier what the record says now, and names the next moment at which that changes', () => {
    const time = fc.nat(20);
    const maybe = fc.option(time, { nil: null });
    const facts = fc.record({
      expiresAt: maybe,
      refreshExpiresAt: maybe,
      refresh: fc.boolean(),
      endsAt: maybe,
      condition: fc.constantFrom<Condition>({ kind: 'none' }, { kind: 'good' }, failing, dead),
    });
    fc.assert(
      fc.property(facts, time, time, (given, taken, later) => {
        const connection = record(given);
        const view = status(connection, taken);
        expect({ ...view, ...statusAt(view, taken + later) }).toEqual(status(connection, taken + later));
        const texts = Array.from({ length: 60 }, (_, at) => statusText(status(connection, taken + at)));
        const turn = texts.findIndex((text) => text !== texts[0]);
        expect(nextStatusChangeAt(view, taken)).toBe(turn === -1 ? null : taken + turn);
      }),
    );
  });
});
