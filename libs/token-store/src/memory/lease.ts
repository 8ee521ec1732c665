import type { Claimed, ConnectionRecord, Lease, LeaseOf } from '@vault-engine/vault';
import { refuseImpossibleLease } from '../impossible-change.ts';

/** A connection and its lease. `before` is the expired lease that the present holder found. */
export interface LeasedConnection {
  readonly record: Omit<ConnectionRecord, 'lease'>;
  readonly lease: Lease | null;
  readonly before: Lease | null;
}

/** The result of a lease operation, and the changed connection; undefined: unchanged. */
type Step<Result> = readonly [Result, LeasedConnection | undefined];

/** See `TokenStore.claim`. `nowMs` is Unix milliseconds. */
export const claimLease = (
  connection: LeasedConnection | undefined,
  { owner, tokenVersion, ttlMs }: LeaseOf & { readonly tokenVersion: number; readonly ttlMs: number },
  nowMs: number,
): Step<Claimed> => {
  refuseImpossibleLease(owner, ttlMs);
  if (connection?.record.tokenVersion !== tokenVersion) return [{ kind: 'changed' }, undefined];
  const { lease, before } = connection;
  if (lease?.owner === owner) return [{ kind: 'claimed', before }, undefined];
  if (lease !== null && lease.until > nowMs) return [{ kind: 'held', lease }, undefined];
  // The first expired lease in phase `called` is handed on: only a put resolves whether its refresh token was spent.
  const found = before?.phase === 'called' ? before : lease;
  const claimed: Lease = { owner, until: nowMs + ttlMs, phase: 'claimed' };
  return [
    { kind: 'claimed', before: found },
    { ...connection, lease: claimed, before: found },
  ];
};

/** See `TokenStore.hold`. */
export const holdLease = (
  connection: LeasedConnection | undefined,
  { owner, phase, ttlMs }: LeaseOf & { readonly phase: Lease['phase']; readonly ttlMs: number },
  nowMs: number,
): Step<boolean> => {
  refuseImpossibleLease(owner, ttlMs);
  const lease = connection?.lease;
  if (connection === undefined || lease?.owner !== owner) return [false, undefined];
  const held: Lease = { owner, until: nowMs + ttlMs, phase: lease.phase === 'called' ? 'called' : phase };
  return [true, { ...connection, lease: held }];
};

/** See `TokenStore.release`. */
export const releaseLease = (connection: LeasedConnection | undefined, { owner }: LeaseOf): Step<boolean> => {
  refuseImpossibleLease(owner);
  if (connection === undefined || connection.lease?.owner !== owner) return [false, undefined];
  const { before } = connection;
  return [true, { ...connection, lease: before?.phase === 'called' ? before : null, before: null }];
};
