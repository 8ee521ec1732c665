import { hash } from 'node:crypto';
import { type PlatformId, type UserId, userId } from '@vault-engine/vault';

/** The names of all keys under one prefix. All keys of one user have the same hash tag, hence the same Cluster slot. */
export interface Keys {
  readonly record: (user: UserId, platform: PlatformId) => string;
  /** The prefix of the names of a user's records. */
  readonly records: (user: UserId) => string;
  readonly user: (user: UserId) => string;
  /** The user whose row is at `key`; null: `key` is no user's row. */
  readonly userOf: (key: string) => UserId | null;
  /** The glob pattern of the keys of all users' rows. */
  readonly allUsers: string;
  /** With the empty id: a key that is never written. */
  readonly dedupe: (user: UserId, id: string) => string;
  /** A sorted set of {@link dueMember}s, scored by Unix milliseconds. */
  readonly due: (shard: string) => string;
  readonly pending: (shard: string) => string;
  /** A hash of the shard's quarantined entries by id. */
  readonly quarantine: (shard: string) => string;
  readonly probe: string;
  readonly drainLease: string;
  /** A hash of the versions of one branch key. */
  readonly branch: (branch: string) => string;
  /** A hash: partition count of the commands topic → Unix milliseconds. */
  readonly partitions: string;
}

const SHARD_COUNT = 256;

/** All shards, `00` to `ff`. */
export const SHARDS: readonly string[] = Array.from({ length: SHARD_COUNT }, (_, shard) =>
  shard.toString(16).padStart(2, '0'),
);

/** The shard of a user: the first byte of the SHA-256 of the user id, as two hex digits. */
export const shardOf = (user: UserId): string => hash('sha256', user, 'hex').slice(0, 2);

/** The member of the due index for a connection, or for the flows of a user (`platform` null). */
export const dueMember = ({ user, platform }: { user: UserId; platform: PlatformId | null }): string =>
  `${user}:${platform ?? ''}`;

// A brace in the prefix would become the hash tag of every key.
const PREFIX = /^[A-Za-z0-9._:-]{1,64}$/;

/**
 * The key names under `prefix`.
 *
 * @throws RangeError for a prefix that is not 1–64 of `A-Z a-z 0-9 . _ : -`
 */
export const keysUnder = (prefix: string): Keys => {
  if (!PREFIX.test(prefix)) throw new RangeError('a key prefix is 1-64 of A-Z a-z 0-9 . _ : -');
  const beforeShard = `${prefix}:{`;
  const inShard = (shard: string, rest: string) => `${prefix}:{${shard}}:${rest}`;
  return {
    record: (user, platform) => inShard(shardOf(user), `t:${user}:${platform}`),
    records: (user) => inShard(shardOf(user), `t:${user}:`),
    user: (user) => inShard(shardOf(user), `u:${user}`),
    userOf: (key) => (key.startsWith(beforeShard) ? userId(key.slice(beforeShard.length + 'ss}:u:'.length)) : null),
    // A prefix has no character that is special in a glob.
    allUsers: inShard('??', 'u:*'),
    dedupe: (user, id) => inShard(shardOf(user), `d:${id}`),
    due: (shard) => inShard(shard, 'due'),
    pending: (shard) => inShard(shard, 'pending'),
    quarantine: (shard) => inShard(shard, 'quarantine'),
    probe: inShard('00', 'probe'),
    drainLease: inShard('00', 'drain'),
    branch: (branch) => inShard('00', `branch:${branch}`),
    partitions: inShard('00', 'partitions'),
  };
};
