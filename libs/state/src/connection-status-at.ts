import type { ConnectionSnapshot } from '@vault-engine/contracts';
import { type ConnectionView, type StatusReason, statusAt } from '@vault-engine/model';

/** What time alone changes of a connection in a snapshot. */
export type ConnectionStatusAt = Pick<ConnectionSnapshot, 'status' | 'suggested_action' | 'reason'>;

/** How a connection stands at `now` (Unix milliseconds), going by a snapshot that was taken earlier. */
export const connectionStatusAt = (connection: ConnectionSnapshot, now: number): ConnectionStatusAt => {
  const { status, suggested_action: action, reason } = connection;
  // What came after this reader is left as it is.
  if (status === 'UNKNOWN') return { status, suggested_action: action, reason };
  const view: ConnectionView = {
    status,
    action,
    reason: reason as StatusReason | null, // handed through; no rule looks into it
    expiresAt: connection.expires_at,
    lapsesAt: connection.lapses_at,
    reauthFrom: connection.reauth_from,
    renewal: RENEWAL[connection.renewal],
  };
  const later = statusAt(view, now);
  return { status: later.status, suggested_action: later.action, reason: later.reason };
};

const RENEWAL = { NONE: 'none', GOOD: 'good', FAILING: 'failing', DEAD: 'dead' } as const;
