import type { ConnectionRecord } from './model.ts';

/** How a connection stands. REST says `active`, `expired`, `missing`. */
export type ConnectionStatus = 'CONNECTED' | 'EXPIRED' | 'MISSING';

/** What the user or the engine can do about it. */
export type StatusAction = 'NONE' | 'REAUTH' | 'RETRY' | 'CONNECT' | 'RESUME';

/** The state of one connection at one moment. */
export interface ConnectionView {
  readonly status: ConnectionStatus;
  readonly action: StatusAction;
  /** Why it is not `CONNECTED`, from a closed list. */
  readonly reason: 'access_token_expired' | null;
  /** When the access token lapses, Unix milliseconds. */
  readonly expiresAt: number | null;
  /** When the connection can't go on without the user, Unix milliseconds; null where nobody said. */
  readonly lapsesAt: number | null;
}

const MISSING: ConnectionView = { status: 'MISSING', action: 'CONNECT', reason: null, expiresAt: null, lapsesAt: null };

const EXPIRED = { status: 'EXPIRED', action: 'REAUTH', reason: 'access_token_expired' } as const;

/**
 * What time alone has made, at `now`, of a connection that stood as `view` says: null where it still stands so. With it a
 * snapshot that was taken earlier says what {@link status} says. A token is usable up to, and not at, its `expiresAt`.
 */
export const overtaken = (
  view: Pick<ConnectionView, 'expiresAt' | 'lapsesAt'> & { readonly status: string },
  now: number,
): typeof EXPIRED | null =>
  view.status === 'CONNECTED' && view.expiresAt !== null && view.expiresAt <= now ? EXPIRED : null;

/**
 * How a connection stands at `now` (Unix milliseconds). The one rule that the worker, its callers and the status topic
 * share: no I/O, no clock.
 */
export const status = (record: ConnectionRecord | null, now: number): ConnectionView => {
  if (record === null) return MISSING;
  const { expiresAt, refreshExpiresAt } = record.metadata;
  const lapsesAt = record.refresh === null ? expiresAt : refreshExpiresAt;
  const view: ConnectionView = { status: 'CONNECTED', action: 'NONE', reason: null, expiresAt, lapsesAt };
  return { ...view, ...overtaken(view, now) };
};
