import type { ConnectionSnapshot, ConnectionState, FlowSnapshot } from '@vault-engine/contracts';
import type { PlatformId, UserId } from '@vault-engine/model';
import { type ConnectionRecord, type Flow, status, type UserView } from '@vault-engine/vault';

/** The snapshot of a user's stored state at `now` (Unix milliseconds); null for an unknown user. */
export const snapshotOf = (
  user: UserId,
  { user: row, connections, flows }: Pick<UserView, 'user' | 'connections' | 'flows'>,
  now: number,
): ConnectionState | null =>
  row === null
    ? null
    : {
        user_id: user,
        revision: row.revision,
        as_of: now,
        connections: [...connections]
          .sort(([a], [b]) => (a < b ? -1 : 1))
          .map(([platform, record]) => connectionOf(platform, record, now)),
        flows: flows.map(flowOf).sort((a, b) => (a.platform < b.platform ? -1 : 1)),
      };

const flowOf = ({ id, platform, startedAt, expiresAt }: Flow): FlowSnapshot => ({
  flow_id: id,
  platform,
  started_at: startedAt,
  expires_at: expiresAt,
});

const RENEWAL = { none: 'NONE', good: 'GOOD', failing: 'FAILING', dead: 'DEAD' } as const;

const connectionOf = (platform: PlatformId, record: ConnectionRecord, now: number): ConnectionSnapshot => {
  const view = status(record, now);
  return {
    platform,
    status: view.status,
    suggested_action: view.action,
    reason: view.reason,
    expires_at: view.expiresAt,
    lapses_at: view.lapsesAt,
    reauth_from: view.reauthFrom,
    renewal: RENEWAL[view.renewal],
    scopes: record.metadata.scopes,
    token_version: record.tokenVersion,
  };
};
