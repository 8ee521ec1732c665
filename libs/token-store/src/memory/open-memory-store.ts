import {
  type BranchKeyStore,
  type ConnectionRecord,
  type PlatformId,
  PortUnavailable,
  type TokenStore,
} from '@vault-engine/vault';
import { refuseImpossibleChange, refuseImpossibleDedupe, refuseImpossibleLease } from '../impossible-change.ts';
import { claimLease, holdLease, type LeasedConnection, releaseLease } from './lease.ts';
import {
  applyChange,
  branchKeysIn,
  changeConnection,
  dueKey,
  earliestDue,
  emptyTables,
  findDedupeRecord,
  PENDING_REF,
  type StoredUser,
  storeDedupeRecord,
  type Tables,
} from './tables.ts';

/** The clock of the store. */
export interface MemoryStoreOptions {
  /** The store's clock: Unix milliseconds, fractions allowed. Default: the clock of the process. */
  readonly now?: () => number;
}

/** A token store in memory, and access to it as from another process. */
export interface MemoryStore extends TokenStore {
  /** Opens a second store on the same data and clock. It is closed on its own. */
  openAnother(): MemoryStore;
  readonly branchKeys: BranchKeyStore;
}

/**
 * A `TokenStore` in the memory of this process, for tests of what works on one. It passes the same contract suite as the
 * Redis store (`../contract.ts`). Each method takes effect at once, when it is called, so concurrent callers interleave only at their `await`s.
 *
 * Nothing expires by a timer: the store asks `now` in each call, so a test that moves its clock moves the store's time.
 * A scan of all due entries makes `takeDue` and `upcoming` slower with each stored connection.
 */
export const openMemoryStore = (options: MemoryStoreOptions = {}): MemoryStore =>
  storeOn(emptyTables(), options.now ?? (() => performance.timeOrigin + performance.now()));

const storeOn = (tables: Tables, now: () => number): MemoryStore => {
  const nowMs = (): number => Math.floor(now());
  const process = Symbol('process');
  let closed = false;
  const open = (): Tables => {
    if (closed) throw new PortUnavailable('storage', 'the token store is closed');
    return tables;
  };

  return {
    readConnection: async (user, platform) => {
      const stored = open().users.get(user);
      return { user: stored?.row ?? null, record: recordOf(stored?.connections.get(platform)) };
    },
    readUser: async (user, platform, dedupeId, refusalId) => {
      const { users } = open();
      const stored = users.get(user);
      const dedupeRecord = (id: string | null | undefined) => (id ? findDedupeRecord(tables, user, id, nowMs()) : null);
      return {
        nowMicros: Math.floor(now() * 1000),
        user: stored?.row ?? null,
        connections: connectionsOf(stored, platform),
        flows: stored?.flows ?? [],
        dedupeRecord: dedupeRecord(dedupeId) ?? dedupeRecord(refusalId),
      };
    },
    apply: async (change) => {
      refuseImpossibleChange(change);
      return applyChange(open(), change, nowMs());
    },
    dedupe: async (user, entry) => {
      refuseImpossibleDedupe(entry);
      const earlier = findDedupeRecord(open(), user, entry.id, nowMs());
      return earlier ?? storeDedupeRecord(tables, user, entry, nowMs());
    },
    claim: async (claim) =>
      changeConnection(open(), claim.user, claim.platform, (connection) => claimLease(connection, claim, nowMs())),
    hold: async (hold) =>
      changeConnection(open(), hold.user, hold.platform, (connection) => holdLease(connection, hold, nowMs())),
    release: async (of) => changeConnection(open(), of.user, of.platform, (connection) => releaseLease(connection, of)),
    users: async function* () {
      // The iterator of a Map also visits entries that are added meanwhile, and skips deleted ones.
      for (const user of open().users.keys()) {
        yield user;
        open();
      }
    },
    takeDue: async (limit, againInMs) => {
      const taken = earliestDue(open(), limit, (dueAt) => dueAt <= nowMs());
      for (const due of taken) tables.due.set(dueKey(due.user, due.platform), { ...due, dueAt: nowMs() + againInMs });
      return taken;
    },
    postpone: async (due) => {
      const key = dueKey(due.user, due.platform);
      if (open().due.has(key)) tables.due.set(key, { ...due });
    },
    upcoming: async (limit) => earliestDue(open(), limit, () => true),
    dueStats: async () => {
      const due = earliestDue(open(), Number.POSITIVE_INFINITY, (dueAt) => dueAt <= nowMs());
      return { count: due.length, oldestMs: due[0] === undefined ? 0 : nowMs() - due[0].dueAt };
    },
    pending: async (olderThanMs, limit) =>
      [...open().pending]
        .filter(([, { addedAt }]) => addedAt <= nowMs() - olderThanMs)
        .slice(0, limit)
        .map(([ref, { transition }]) => ({ ref, transition })),
    holdDrainLease: async (ttlMs) => {
      refuseImpossibleLease('drain', ttlMs);
      const { drainLease } = open();
      if (drainLease !== null && drainLease.owner !== process && drainLease.until > nowMs()) return false;
      tables.drainLease = { owner: process, until: nowMs() + ttlMs };
      return true;
    },
    settle: async (refs) => {
      const { pending } = open();
      if (!refs.every((ref) => PENDING_REF.test(ref))) throw new RangeError('not a reference to a pending transition');
      for (const ref of refs) pending.delete(ref);
    },
    notePartitions: async (count, at) => {
      const { partitions } = open();
      for (const larger of [...partitions.keys()].filter((each) => each > count)) partitions.delete(larger);
      if (!partitions.has(count)) partitions.set(count, at);
      return new Map(partitions);
    },
    probe: async () => {
      open();
    },
    close: async () => {
      if (tables.drainLease?.owner === process) tables.drainLease = null;
      closed = true;
    },
    openAnother: () => storeOn(tables, now),
    branchKeys: branchKeysIn(open),
  };
};

const recordOf = (connection: LeasedConnection | undefined): ConnectionRecord | null =>
  connection === undefined ? null : { ...connection.record, lease: connection.lease };

const connectionsOf = (
  stored: StoredUser | undefined,
  platform: PlatformId | null,
): ReadonlyMap<PlatformId, ConnectionRecord> => {
  const all = [...(stored?.connections ?? [])].map(
    ([name, { record, lease }]) => [name, { ...record, lease }] as const,
  );
  return new Map(platform === null ? all : all.filter(([name]) => name === platform));
};
