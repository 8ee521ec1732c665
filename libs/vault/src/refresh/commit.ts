import type { AuditResult, Vault } from '../call.ts';
import { nextVersion } from '../change/change.ts';
import { carryOut, transitionOf } from '../change/transition.ts';
import type { ConnectionRecord, UserRow, WrappedDataKey } from '../connection-record.ts';
import type { RecordName } from '../credentials.ts';
import { eventOf } from '../status.ts';
import type { Change, UserView } from '../token-store.ts';
import type { RefreshActor } from './refresh-request.ts';
import { attentionAt } from './schedule.ts';

/** A write to a connection under its lease. */
export interface RefreshCommit {
  readonly name: RecordName;
  readonly actor: RefreshActor;
  /** The credentials that the decision is about. If the connection has others by now, nothing is written. */
  readonly tokenVersion: number;
  /** For the audit log. */
  readonly action: 'RefreshToken' | 'TellState' | 'NoteRejection';
  readonly result: AuditResult;
  readonly reason: string | null;
  /** Makes the new record from the current one. */
  readonly after: (
    record: ConnectionRecord,
    user: UserRow,
    view: UserView,
  ) => ConnectionRecord | Promise<ConnectionRecord>;
}

/** The result of a commit. */
export type CommitResult =
  | { readonly kind: 'written'; readonly user: UserRow; readonly record: ConnectionRecord }
  /** The connection is gone, or has other credentials. */
  | { readonly kind: 'overtaken' }
  /** Another process has the lease. */
  | { readonly kind: 'lost' };

/**
 * Writes record, due index and transition in one step, and ends the lease of `owner`. When another change of the user comes
 * in between, it decides again. Rejects with `PortUnavailable`; the write may have taken effect then.
 */
export const commitRefresh = async (vault: Vault, owner: string, commit: RefreshCommit): Promise<CommitResult> => {
  const { user, platform } = commit.name;
  for (;;) {
    const view = await vault.store.readUser(user, platform, null);
    const record = view.connections.get(platform);
    if (view.user === null || record?.tokenVersion !== commit.tokenVersion) return { kind: 'overtaken' };
    if (record.lease?.owner !== owner) return { kind: 'lost' };
    const after = await commit.after(record, view.user, view);
    const dataKey = await vault.keys.rewrap(user, view.user.dataKey);
    const change = changeOf(vault, owner, commit, { view, row: view.user, record, after, dataKey });
    const applied = await carryOut(vault, change);
    if (applied.kind !== 'applied') continue;
    const { user: row } = view;
    return { kind: 'written', user: { revision: change.revision, dataKey: dataKey ?? row.dataKey }, record: after };
  }
};

interface Step {
  readonly view: UserView;
  readonly row: UserRow;
  readonly record: ConnectionRecord;
  readonly after: ConnectionRecord;
  /** See `Change.dataKey`. */
  readonly dataKey: WrappedDataKey | null;
}

const changeOf = (
  vault: Vault,
  owner: string,
  { name, actor, action, result, reason }: RefreshCommit,
  { view, row, record, after, dataKey }: Step,
): Change => {
  const now = vault.now();
  const { user, platform } = name;
  const event = eventOf(record, after, now);
  const revision = event === null ? row.revision : nextVersion(row.revision, view.nowMicros);
  return {
    user,
    expectedRevision: row.revision,
    revision,
    dataKey,
    put: { platform, record: after, dueAt: attentionAt(after, vault.providers.terms(platform), now) },
    leaseOwner: owner,
    remove: [],
    flows: null,
    forget: false,
    dedupe: null,
    transition: transitionOf(
      vault,
      { ...actor, action },
      {
        about: { ...name, recordVersion: after.version, ...(reason !== null && { reason }) },
        result,
        revision,
        events: event === null ? [] : [{ platform, ...event }],
      },
    ),
  };
};
