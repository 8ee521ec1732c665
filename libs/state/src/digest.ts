import { crc32 } from 'node:zlib';
import type { ConnectionSnapshot, ConnectionState } from '@vault-engine/contracts';
import { overtaken } from '@vault-engine/vault';

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
  const { platform, status, suggested_action: action, reason, scopes, token_version: tokenVersion } = connection;
  const { expires_at: expiresAt, lapses_at: lapsesAt } = connection;
  const atLast = { status, action, reason, ...overtaken({ status, expiresAt, lapsesAt }, Number.POSITIVE_INFINITY) };
  return [platform, atLast.status, atLast.action, atLast.reason, expiresAt, lapsesAt, scopes, tokenVersion];
};
