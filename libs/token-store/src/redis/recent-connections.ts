import { ciphertext } from '@vault-engine/crypto';
import type { ConnectionRecord, PlatformId, UserId, UserRow } from '@vault-engine/vault';

/** What `TokenStore.readConnection` answers. */
export interface FoundConnection {
  readonly user: UserRow | null;
  readonly record: ConnectionRecord | null;
}

/** By what a connection is known not to have changed. */
export interface Mark {
  /** Of the user's last change, whichever it was: a UUID. */
  readonly transition: string;
  /** Of the record, as it is stored. */
  readonly version: string;
}

/** A connection as it was read last, and the keys that it lies under. */
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

/** A few KB each. */
const MOST = 10_000;
/** As long as data keys are kept: what is sealed under the key of a user who is forgotten goes with it. */
const KEPT_MS = 300_000;
const SWEEP_MS = 10_000;

/**
 * What was read last of each connection, as it is stored: sealed. It answers nothing by itself: Redis is asked each time whether it
 * is still so ({@link Mark}), and then need not send it, and nobody has to read it again. Connections that are leased are not
 * kept, as a lease changes without a mark.
 *
 * Each stays for its time. Where there is no room, no other makes room for it: with more connections asked for by turns than there is
 * room, each would be let go before it is asked for again, and all of it would be work for nothing.
 */
export class RecentConnections {
  readonly #kept = new Map<string, RecentConnection & { readonly until: number }>();
  #sweeper: NodeJS.Timeout | undefined;

  of(user: UserId, platform: PlatformId): RecentConnection | undefined {
    return this.#kept.get(nameOf(user, platform));
  }

  /** Answers what was found, for the caller to go on with: where it is kept, the next one is answered with the very same. */
  keep(
    user: UserId,
    platform: PlatformId,
    { names, mark, found }: Omit<RecentConnection, 'mark'> & { readonly mark: Mark | null },
  ): FoundConnection {
    const name = nameOf(user, platform);
    this.#kept.delete(name);
    if (mark === null || found.user === null || found.record === null || found.record.lease !== null) return found;
    if (this.#kept.size >= MOST) return found;
    const own = { user: ownUser(found.user), record: ownRecord(found.record) };
    this.#kept.set(name, { names, mark, found: own, until: performance.now() + KEPT_MS });
    this.#sweeper ??= setInterval(() => this.#sweep(), SWEEP_MS).unref();
    return own;
  }

  /** They lie in the order in which their time is over. */
  #sweep(): void {
    const now = performance.now();
    for (const [name, { until }] of this.#kept) {
      if (until > now) return;
      this.#kept.delete(name);
    }
    clearInterval(this.#sweeper);
    this.#sweeper = undefined;
  }
}

const nameOf = (user: UserId, platform: PlatformId): string => `${user}:${platform}`;

// Read bytes are slices of a whole answer, which would live as long as they are kept.
const ownUser = ({ revision, dataKey: { kid, wrapped } }: UserRow): UserRow => ({
  revision,
  dataKey: { kid: copy(kid), wrapped: copy(wrapped) },
});

const ownRecord = (record: ConnectionRecord): ConnectionRecord => ({
  ...record,
  access: ciphertext(copy(record.access)),
  refresh: record.refresh === null ? null : ciphertext(copy(record.refresh)),
});

/** In memory of its own, and not in a pool that many share. */
const copy = (bytes: Buffer): Buffer => {
  const own = Buffer.allocUnsafeSlow(bytes.length);
  own.set(bytes);
  return own;
};
