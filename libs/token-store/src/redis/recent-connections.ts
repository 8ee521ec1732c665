import { ciphertext } from '@vault-engine/crypto';
import type { ConnectionRecord, PlatformId, UserId, UserRow } from '@vault-engine/vault';

/** The result of `TokenStore.readConnection`. */
export interface FoundConnection {
  readonly user: UserRow | null;
  readonly record: ConnectionRecord | null;
}

/** A connection is unchanged while both values are. */
export interface Mark {
  /** The id of the user's last change, of any connection: a UUID. */
  readonly transition: string;
  /** The record's version as stored. */
  readonly version: string;
}

/** A connection as last read, and its keys. */
export interface RecentConnection {
  readonly names: RowNames;
  readonly mark: Mark;
  readonly found: FoundConnection;
}

/** The keys of a user's row and of one record. */
export interface RowNames {
  readonly user: string;
  readonly record: string;
}

/** A few KB per entry. */
const MAX_ENTRIES = 10_000;
/** Equal to the lifetime of a cached data key: records of a forgotten user expire no later than the user's key. */
const TTL_MS = 300_000;
const SWEEP_MS = 10_000;

/**
 * Caches connections as last read, sealed as they are stored. The cache never serves a read alone: Redis compares the {@link Mark}
 * on each read, and an unchanged connection is neither sent nor parsed again. Leased connections are not cached, because a lease
 * changes without a new mark.
 *
 * When the cache is full, new connections are not cached: under a cyclic access pattern, eviction would give a hit rate of zero.
 */
export class RecentConnections {
  readonly #entries = new Map<string, RecentConnection & { readonly until: number }>();
  #sweeper: NodeJS.Timeout | undefined;

  of(user: UserId, platform: PlatformId): RecentConnection | undefined {
    return this.#entries.get(nameOf(user, platform));
  }

  /** Returns `found`, or the cached copy of it, which later reads return too. */
  keep(
    user: UserId,
    platform: PlatformId,
    { names, mark, found }: Omit<RecentConnection, 'mark'> & { readonly mark: Mark | null },
  ): FoundConnection {
    const name = nameOf(user, platform);
    this.#entries.delete(name);
    if (mark === null || found.user === null || found.record === null || found.record.lease !== null) return found;
    if (this.#entries.size >= MAX_ENTRIES) return found;
    const own = { user: ownUser(found.user), record: ownRecord(found.record) };
    this.#entries.set(name, { names, mark, found: own, until: performance.now() + TTL_MS });
    this.#sweeper ??= setInterval(() => this.#sweep(), SWEEP_MS).unref();
    return own;
  }

  /** Entries are in the order in which they expire. */
  #sweep(): void {
    const now = performance.now();
    for (const [name, { until }] of this.#entries) {
      if (until > now) return;
      this.#entries.delete(name);
    }
    clearInterval(this.#sweeper);
    this.#sweeper = undefined;
  }
}

const nameOf = (user: UserId, platform: PlatformId): string => `${user}:${platform}`;

// The bytes of a reply are slices of one large buffer, which the cache would keep alive.
const ownUser = ({ revision, dataKey: { kid, wrapped } }: UserRow): UserRow => ({
  revision,
  dataKey: { kid: copy(kid), wrapped: copy(wrapped) },
});

const ownRecord = (record: ConnectionRecord): ConnectionRecord => ({
  ...record,
  access: ciphertext(copy(record.access)),
  refresh: record.refresh === null ? null : ciphertext(copy(record.refresh)),
});

/** Not from Node's shared pool, for the same reason. */
const copy = (bytes: Buffer): Buffer => {
  const own = Buffer.allocUnsafeSlow(bytes.length);
  own.set(bytes);
  return own;
};
