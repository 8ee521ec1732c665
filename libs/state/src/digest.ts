import { crc32 } from 'node:zlib';
import type { ConnectionSnapshot, ConnectionState } from '@vault-engine/contracts';
import { connectionStatusAt } from './connection-status-at.ts';

/**
 * 32 bits that differ where two snapshots of a user say different things. What time alone changes is left out: every
 * connection counts as it will stand at last, so that a snapshot from before an expiry equals one from after it.
 */
export const digestOf = ({ connections, flows }: Pick<ConnectionState, 'connections' | 'flows'>): number => {
  const told = [
    connections.map(connectionTold),
    flows.map((flow) => [flow.flow_id, flow.platform, flow.started_at, flow.expires_at]),
  ];
  // Signed, so that V8 keeps it in place and not in a box of its own.
  return crc32(JSON.stringify(told)) | 0;
};

const connectionTold = (connection: ConnectionSnapshot): readonly unknown[] => {
  const { platform, scopes, token_version: tokenVersion, renewal } = connection;
  const { expires_at: expiresAt, lapses_at: lapsesAt, reauth_from: reauthFrom } = connection;
  const atLast = connectionStatusAt(connection, Number.POSITIVE_INFINITY);
  const stands = [atLast.status, atLast.suggested_action, atLast.reason, renewal];
  return [platform, ...stands, expiresAt, lapsesAt, reauthFrom, scopes, tokenVersion];
};
