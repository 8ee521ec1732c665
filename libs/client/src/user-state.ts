import type { ConnectionSnapshot, ConnectionState, FlowSnapshot, SuggestedAction } from '@vault-engine/contracts';
import { absent } from '@vault-engine/model';
import { connectionStatusAt } from '@vault-engine/state';
import { dateOf } from './operation.ts';
import type { PlatformStatus, UserStatus } from './user-commands.ts';

/** A user's state in a view: the result of `getStatus`, and the age of the snapshot. */
export interface UserState extends UserStatus {
  /** When the snapshot was taken; null where the topic has no snapshot of the user. */
  readonly asOf: Date | null;
}

/**
 * The state of a user at `now` (Unix milliseconds): the snapshot's connections with their status at `now`, and every other
 * platform as `MISSING`. A platform without a name is shown by its id.
 */
export const userState = (
  userId: string,
  snapshot: ConnectionState | null,
  names: ReadonlyMap<string, string>,
  now: number,
): UserState => {
  const connections = new Map((snapshot?.connections ?? []).map((connection) => [connection.platform, connection]));
  const flows = new Map((snapshot?.flows ?? []).map((flow) => [flow.platform, flow]));
  const platforms = [...new Set([...names.keys(), ...connections.keys()])].sort().map((platform) => {
    const displayName = names.get(platform) ?? platform;
    const connection = connections.get(platform);
    return connection === undefined
      ? missing(platform, displayName, flows.get(platform), now)
      : connected(connection, displayName, now);
  });
  const asOf = snapshot === null ? null : new Date(snapshot.as_of);
  return { userId, revision: snapshot?.revision ?? 0, asOf, platforms };
};

/** Whether a platform in `state` suggests one of `actions`. */
export const suggests = (state: UserState, actions: ReadonlySet<SuggestedAction>): boolean =>
  state.platforms.some(({ suggestedAction }) => actions.has(suggestedAction));

const connected = (connection: ConnectionSnapshot, displayName: string, now: number): PlatformStatus => {
  const { platform, expires_at: expiresAt, lapses_at: lapsesAt, scopes } = connection;
  const { status, suggested_action: suggestedAction, reason } = connectionStatusAt(connection, now);
  return {
    platform,
    displayName,
    status,
    suggestedAction,
    reason,
    expiresAt: dateOf(expiresAt),
    lapsesAt: dateOf(lapsesAt),
    scopes,
  };
};

const missing = (
  platform: string,
  displayName: string,
  flow: FlowSnapshot | undefined,
  now: number,
): PlatformStatus => {
  const view = absent(flow === undefined ? null : { expiresAt: flow.expires_at }, now);
  return {
    platform,
    displayName,
    status: view.status,
    suggestedAction: view.action,
    reason: view.reason,
    expiresAt: null,
    lapsesAt: null,
    scopes: [],
  };
};
