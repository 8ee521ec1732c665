import { crc32 } from 'node:zlib';
import type { ConnectionSnapshot, ConnectionState } from '@vault-engine/contracts';
import { type ConnectionView, type StatusReason, statusAt } from '@vault-engine/model';

/** The fields of a connection in a snapshot that change by time alone. */
export type ConnectionStatusAt = Pick<ConnectionSnapshot, 'status' | 'suggested_action' | 'reason'>;

/** The status of a connection at `now` (Unix milliseconds), derived from an earlier snapshot. */
export const connectionStatusAt = (connection: ConnectionSnapshot, now: number): ConnectionStatusAt => {
  const { status, suggested_action: action, reason } = connection;
  // A status that is newer than this reader: leave it unchanged.
  if (status === 'UNKNOWN') return { status, suggested_action: action, reason };
  const view: ConnectionView = {
    status,
    action,
    reason: reason as StatusReason | null, // passed through; no rule depends on it
    expiresAt: connection.expires_at,
    lapsesAt: connection.lapses_at,
    reauthFrom: connection.reauth_from,
    renewal: RENEWAL[connection.renewal],
  };
  const later = statusAt(view, now);
  return { status: later.status, suggested_action: later.action, reason: later.reason };
};

const RENEWAL = { NONE: 'none', GOOD: 'good', FAILING: 'failing', DEAD: 'dead' } as const;

/**
 * A 32-bit digest of a snapshot's content. It ignores changes by time alone: each connection is digested with its final
 * status, so a snapshot taken before an expiry and one taken after it have the same digest.
 */
export const digestOf = ({ connections, flows }: Pick<ConnectionState, 'connections' | 'flows'>): number => {
  const content = [
    connections.map(connectionContent),
    flows.map((flow) => [flow.flow_id, flow.platform, flow.started_at, flow.expires_at]),
  ];
  // A signed 32-bit integer, which V8 stores without allocating a heap number.
  return crc32(JSON.stringify(content)) | 0;
};

const connectionContent = (connection: ConnectionSnapshot): readonly unknown[] => {
  const { platform, scopes, token_version: tokenVersion, renewal } = connection;
  const { expires_at: expiresAt, lapses_at: lapsesAt, reauth_from: reauthFrom } = connection;
  const final = connectionStatusAt(connection, Number.POSITIVE_INFINITY);
  const status = [final.status, final.suggested_action, final.reason, renewal];
  return [platform, ...status, expiresAt, lapsesAt, reauthFrom, scopes, tokenVersion];
};
