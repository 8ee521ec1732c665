import { type ConnectionRecord, type PlatformId, PortUnavailable, type TokenStore } from '@vault-engine/vault';
import { refuseImpossibleChange, refuseImpossibleDedupe } from '../impossible-change.ts';
import { claimLease, holdLease, type LeasedConnection, releaseLease } from './lease.ts';
import {
  applyChange,
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

/**
 * A `TokenStore` in the memory of this process, for tests of what works on one. It passes the same contract suite as the
 * Redis store (`../contract.ts`). Each method takes effect at once, when it is called, so concurrent callers interleave only at their `await`s.
 *
 * Nothing expires by a timer: the store asks `now` in each call, so a test that moves its clock moves the store's time.
 * A scan of all due entries makes `takeDue` and `upcoming` slower with each stored connection.
 */
export const openMemoryStore = (options: MemoryStoreOptions = {}): TokenStore => {
  const now = options.now ?? (() => performance.timeOrigin + performance.now());
  const nowMs = (): number => Math.floor(now());
  const tables = emptyTables();
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
    pending: async (olderThanMs, limit) =>
      [...open().pending]
        .filter(([, { addedAt }]) => addedAt <= nowMs() - olderThanMs)
        .slice(0, limit)
        .map(([ref, { transition }]) => ({ ref, transition })),
    settle: async (refs) => {
      const { pending } = open();
      if (!refs.every((ref) => PENDING_REF.test(ref))) throw new RangeError('not a reference to a pending transition');
      for (const ref of refs) pending.delete(ref);
    },
    probe: async () => {
      open();
    },
    close: async () => {
      closed = true;
    },
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
