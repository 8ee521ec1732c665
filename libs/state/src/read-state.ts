import type { BusRecord } from '@vault-engine/bus/client';
import { type Codec, type ConnectionState, type Decoded, isRecord } from '@vault-engine/contracts';
import { isExactInteger, LARGEST_INTEGER, type UserId, userId } from '@vault-engine/model';

/** One record of `vault.connection-state`. */
export type StateRecord =
  | { readonly kind: 'snapshot'; readonly user: UserId; readonly revision: number; readonly state: ConnectionState }
  /** The user was forgotten. */
  | { readonly kind: 'tombstone'; readonly user: UserId; readonly revision: number }
  /** Readers ignore it. Compaction would keep it instead of the user's snapshot, so the snapshot must be republished. */
  | { readonly kind: 'unreadable'; readonly user: UserId }
  /** The key is not a user id. */
  | { readonly kind: 'stray' };

/** Parses a record of the state topic. Rejects with `RegistryUnavailable`: parse the record again later. */
export const readState = (codec: Pick<Codec, 'decode'>, record: BusRecord): StateRecord | Promise<StateRecord> => {
  const user = userId(record.key?.toString() ?? '');
  if (user === null) return { kind: 'stray' };
  if (record.value === null) return tombstone(user, revisionIn(record.headers));
  const decoded = codec.decode(record.value);
  return decoded instanceof Promise ? decoded.then((late) => snapshot(user, late)) : snapshot(user, decoded);
};

const tombstone = (user: UserId, revision: number | null): StateRecord =>
  revision === null ? { kind: 'unreadable', user } : { kind: 'tombstone', user, revision };

const snapshot = (user: UserId, decoded: Decoded): StateRecord => {
  if (!isRecord(decoded, 'ConnectionState')) return { kind: 'unreadable', user };
  const { value: state } = decoded;
  const valid = state.user_id === user && isRevision(state.revision);
  return valid ? { kind: 'snapshot', user, revision: state.revision, state } : { kind: 'unreadable', user };
};

/** The header with a record's revision, in decimal. A tombstone has its revision nowhere else. */
const HEADER = 'x-revision';

/** Whether `value` is a revision whose successor is still an exact integer. */
const isRevision = (value: number): boolean => isExactInteger(value) && value >= 0 && value < LARGEST_INTEGER;

/** The headers of a record of the state topic. */
export const revisionHeaders = (revision: number): Record<string, Buffer> => ({
  [HEADER]: Buffer.from(String(revision)),
});

/** The revision in the headers; null where absent or malformed. */
const revisionIn = (headers: BusRecord['headers']): number | null => {
  const text = headers[HEADER]?.toString('latin1') ?? '';
  const value = /^(0|[1-9]\d{0,15})$/.test(text) ? Number(text) : Number.NaN;
  return isRevision(value) ? value : null;
};

/**
 * The revision rule of every reader: a record replaces the known state unless its revision is lower. Of two records with
 * equal revisions the later one in the log counts, because compaction keeps that one. So a reader that followed the topic
 * and one that reads it afresh reach the same state.
 *
 * @param known the revision known so far; null or undefined where there is none
 */
export const supersedes = (next: number, known: number | null | undefined): boolean =>
  known === null || known === undefined || next >= known;

/**
 * Longer than the topic keeps a tombstone (`delete.retention.ms`). No writer can delay the snapshot of a forgotten user
 * beyond that.
 */
const KEPT_MS = 25 * 60 * 60 * 1_000;

/** The revisions of recently forgotten users, so that a late snapshot does not bring a user back. */
export class Tombstones {
  /** In the order of insertion. */
  readonly #revisions = new Map<UserId, number>();

  get(user: UserId): number | undefined {
    return this.#revisions.get(user);
  }

  delete(user: UserId): void {
    this.#revisions.delete(user);
  }

  clear(): void {
    this.#revisions.clear();
  }

  /** A revision is the store's clock in microseconds, so it gives the tombstone's age. */
  set(user: UserId, revision: number, now: number): void {
    this.#revisions.delete(user);
    this.#revisions.set(user, revision);
    const oldest = (now - KEPT_MS) * 1_000;
    for (const [other, at] of this.#revisions) {
      if (at >= oldest || other === user) return;
      this.#revisions.delete(other);
    }
  }
}

/** One record of `vault.platforms`. A null name means that the platform was removed. */
export interface PlatformRecord {
  readonly id: string;
  readonly displayName: string | null;
}

/** Parses a record of `vault.platforms`; null where it is unreadable. Rejects with `RegistryUnavailable`. */
export const readPlatform = (
  codec: Pick<Codec, 'decode'>,
  { key, value }: BusRecord,
): PlatformRecord | null | Promise<PlatformRecord | null> => {
  const id = key?.toString() ?? '';
  if (value === null) return { id, displayName: null };
  const decoded = codec.decode(value);
  return decoded instanceof Promise ? decoded.then((late) => platformOf(id, late)) : platformOf(id, decoded);
};

const platformOf = (id: string, decoded: Decoded): PlatformRecord | null =>
  isRecord(decoded, 'PlatformEntry') && decoded.value.platform === id
    ? { id, displayName: decoded.value.display_name }
    : null;
