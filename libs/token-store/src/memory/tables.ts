import { ciphertext } from '@vault-engine/crypto';
import type {
  Applied,
  BranchKeyStore,
  Change,
  ConnectionRecord,
  DedupeRecord,
  Due,
  Flow,
  PendingRef,
  PlatformId,
  Transition,
  UserId,
  UserRow,
  WrappedBranchKey,
  WrappedDataKey,
} from '@vault-engine/vault';
import { refuseImpossibleBranchKey } from '../impossible-change.ts';
import type { LeasedConnection } from './lease.ts';

/** A user with connections and flows. */
export interface StoredUser {
  readonly row: UserRow;
  readonly connections: ReadonlyMap<PlatformId, LeasedConnection>;
  readonly flows: readonly Flow[];
}

interface StoredDedupeRecord {
  readonly dedupeRecord: DedupeRecord;
  /** Unix milliseconds. */
  readonly expiresAt: number;
}

interface StoredTransition {
  readonly transition: Transition;
  /** Unix milliseconds. */
  readonly addedAt: number;
}

/** Everything in the store. Users and connections are replaced, never modified, so the result of an earlier read does not change. */
export interface Tables {
  readonly users: Map<UserId, StoredUser>;
  /** By user and id. */
  readonly dedupe: Map<string, StoredDedupeRecord>;
  /** By user and platform. */
  readonly due: Map<string, Due>;
  /** Oldest first. */
  readonly pending: Map<PendingRef, StoredTransition>;
  lastPendingNumber: number;
  /** By branch and version. */
  readonly branchKeys: Map<string, WrappedBranchKey>;
  /** The process that drains pending transitions; null: none. `until` is Unix milliseconds. */
  drainLease: { readonly owner: symbol; readonly until: number } | null;
  /** Partition counts of the commands topic, and when each was noted first. */
  readonly partitions: Map<number, number>;
}

/** Tables without a row. */
export const emptyTables = (): Tables => ({
  users: new Map(),
  dedupe: new Map(),
  due: new Map(),
  pending: new Map(),
  lastPendingNumber: 0,
  branchKeys: new Map(),
  drainLease: null,
  partitions: new Map(),
});

/** The steps and their order are those of the script `APPLY` of the Redis store. */
export const applyChange = (tables: Tables, change: Change, nowMs: number): Applied => {
  const { user, put, leaseOwner, dedupe, forget } = change;
  const earlier = dedupe === null ? null : findDedupeRecord(tables, user, dedupe.id, nowMs);
  if (earlier !== null) return { kind: 'remembered', dedupeRecord: earlier };
  const stored = tables.users.get(user);
  if ((stored?.row.revision ?? null) !== change.expectedRevision) return { kind: 'conflict' };
  if (change.dataKey !== null && stored !== undefined && !stored.row.dataKey.kid.equals(change.dataKey.kid)) {
    return { kind: 'conflict' };
  }
  if (put !== null && leaseOwner !== null && stored?.connections.get(put.platform)?.lease?.owner !== leaseOwner) {
    return { kind: 'conflict' };
  }
  const next = forget ? null : changedUser(stored, change);
  if (next === null) tables.users.delete(user);
  else tables.users.set(user, next);
  for (const [platform, dueAt] of dueChanges(stored, change)) setDue(tables, { user, platform, dueAt });
  if (dedupe !== null) storeDedupeRecord(tables, user, dedupe, nowMs);
  return { kind: 'applied', pending: addPending(tables, change.transition, nowMs) };
};

/** Null: the user is unknown and stays so, as the change brings no data key. */
const changedUser = (stored: StoredUser | undefined, change: Change): StoredUser | null => {
  const dataKey = ownDataKey(change.dataKey) ?? stored?.row.dataKey ?? null;
  if (dataKey === null) return null;
  const connections = new Map(stored?.connections);
  for (const platform of change.remove) connections.delete(platform);
  if (change.put !== null) {
    connections.set(change.put.platform, { record: ownRecord(change.put.record), lease: null, before: null });
  }
  const flows = change.flows ?? stored?.flows ?? [];
  return { row: { revision: change.revision, dataKey }, connections, flows };
};

/** The new due times of a change; null: never. The platform null means the user's flows. */
const dueChanges = (
  stored: StoredUser | undefined,
  { put, remove, flows, forget }: Change,
): (readonly [platform: PlatformId | null, dueAt: number | null])[] => {
  const removed = forget ? [...(stored?.connections.keys() ?? []), null] : remove;
  const flowsDueAt = flows === null || flows.length === 0 ? null : Math.min(...flows.map(({ expiresAt }) => expiresAt));
  return [
    ...removed.map((platform) => [platform, null] as const),
    ...(put === null ? [] : [[put.platform, put.dueAt] as const]),
    ...(flows === null ? [] : [[null, flowsDueAt] as const]),
  ];
};

const setDue = (
  { due }: Tables,
  { user, platform, dueAt }: Omit<Due, 'dueAt'> & { readonly dueAt: number | null },
): void => {
  if (dueAt === null) due.delete(dueKey(user, platform));
  else due.set(dueKey(user, platform), { user, platform, dueAt });
};

/** Up to `limit` entries whose time `isWanted`, earliest first. */
export const earliestDue = ({ due }: Tables, limit: number, isWanted: (dueAt: number) => boolean): readonly Due[] =>
  [...due.values()]
    .filter(({ dueAt }) => isWanted(dueAt))
    .sort((left, right) => left.dueAt - right.dueAt)
    .slice(0, limit);

/** The key of a due entry. The platform null means the user's flows. */
export const dueKey = (user: UserId, platform: PlatformId | null): string => `${user}:${platform ?? ''}`;

/** The dedupe record of a user under `id`; null: none, or expired. */
export const findDedupeRecord = ({ dedupe }: Tables, user: UserId, id: string, nowMs: number): DedupeRecord | null => {
  const found = dedupe.get(dedupeKey(user, id));
  return found === undefined || found.expiresAt <= nowMs ? null : found.dedupeRecord;
};

/** Stores a dedupe record, replacing an expired one, and returns it. */
export const storeDedupeRecord = (
  { dedupe }: Tables,
  user: UserId,
  { id, mac, outcome, keepMs }: NonNullable<Change['dedupe']>,
  nowMs: number,
): DedupeRecord => {
  const dedupeRecord = { mac: Buffer.from(mac), outcome };
  dedupe.set(dedupeKey(user, id), { dedupeRecord, expiresAt: nowMs + keepMs });
  return dedupeRecord;
};

const dedupeKey = (user: UserId, id: string): string => `${user}:${id}`;

/** The form of the references that {@link applyChange} returns. */
export const PENDING_REF = /^memory:\d+$/;

const addPending = (tables: Tables, transition: Transition, nowMs: number): PendingRef => {
  tables.lastPendingNumber += 1;
  // Only this function makes references, and only `settle` parses them.
  const ref = `memory:${tables.lastPendingNumber}` as PendingRef;
  tables.pending.set(ref, { transition: ownTransition(transition), addedAt: nowMs });
  return ref;
};

/** Replaces one connection by the one that `change` returns. A missing connection is undefined, and is not created. */
export const changeConnection = <Result>(
  { users }: Tables,
  user: UserId,
  platform: PlatformId,
  change: (connection: LeasedConnection | undefined) => readonly [Result, LeasedConnection | undefined],
): Result => {
  const stored = users.get(user);
  const [result, changed] = change(stored?.connections.get(platform));
  if (stored !== undefined && changed !== undefined) {
    users.set(user, { ...stored, connections: new Map(stored.connections).set(platform, changed) });
  }
  return result;
};

// The caller's buffers may be wiped, or be slices of larger ones: the store keeps copies.

const ownRecord = (record: ConnectionRecord): ConnectionRecord => ({
  ...record,
  access: ciphertext(Buffer.from(record.access)),
  refresh: record.refresh === null ? null : ciphertext(Buffer.from(record.refresh)),
});

const ownDataKey = (dataKey: WrappedDataKey | null): WrappedDataKey | null =>
  dataKey === null ? null : { kid: Buffer.from(dataKey.kid), wrapped: Buffer.from(dataKey.wrapped) };

const ownTransition = (transition: Transition): Transition => ({
  ...transition,
  audit: Buffer.from(transition.audit),
  events: transition.events.map((event) => Buffer.from(event)),
});

/** See `BranchKeyStore`. */
export const branchKeysIn = (open: () => Tables): BranchKeyStore => ({
  readBranchKey: async (branch, version) => open().branchKeys.get(`${branch}:${version}`) ?? null,
  activeBranchKey: async (branch) =>
    [...open().branchKeys.values()]
      .filter((key) => key.branch === branch)
      .sort((left, right) => right.version - left.version)[0] ?? null,
  addBranchKey: async (key) => {
    refuseImpossibleBranchKey(key);
    const { branchKeys } = open();
    const name = `${key.branch}:${key.version}`;
    const stored = branchKeys.get(name) ?? { ...key, wrapped: Buffer.from(key.wrapped) };
    branchKeys.set(name, stored);
    return stored;
  },
});
