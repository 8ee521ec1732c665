import type { ConnectionSnapshot, ConnectionState, FlowSnapshot, SuggestedAction } from '@vault-engine/contracts';
import { absent } from '@vault-engine/model';
import { connectionStatusAt } from '@vault-engine/state';
import type { PlatformStatus, UserStatus } from './get-status.ts';
import { dateOf } from './operation.ts';

/** How a user's connections stand, as the view knows it: what `getStatus` answers, and how old that knowledge is. */
export interface UserState extends UserStatus {
  /** When the snapshot was taken; null where the topic has none of the user. */
  readonly asOf: Date | null;
}

/**
 * The state of a user at `now` (Unix milliseconds): the snapshot's connections by the one rule of the vault, and every
 * other platform as `MISSING`. A connection whose platform has no name goes by its id.
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

/** Whether anything in `state` suggests one of `actions`. */
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
  const stands = absent(flow === undefined ? null : { expiresAt: flow.expires_at }, now);
  return {
    platform,
    displayName,
    status: stands.status,
    suggestedAction: stands.action,
    reason: stands.reason,
    expiresAt: null,
    lapsesAt: null,
    scopes: [],
  };
};
