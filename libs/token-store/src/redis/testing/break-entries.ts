import type { PlatformId, UserId } from '@vault-engine/vault';
import type { Redis } from 'ioredis';
import type { BreakableStore } from '../../contract/broken-entries-are-quarantined.ts';
import { keysUnder, shardOf } from '../keys.ts';

/** Writes broken entries under a key prefix, past the store. */
export const breakEntries = (
  redis: Redis,
  keyPrefix: string,
): Pick<BreakableStore, 'plantPending' | 'plantDue' | 'breakRecord' | 'repairRecord' | 'breakUser'> => {
  const keys = keysUnder(keyPrefix);
  const rename = (user: UserId, platform: PlatformId, from: string, to: string) =>
    redis.eval(RENAME_FIELD, 1, keys.record(user, platform), from, to);
  return {
    plantPending: async (near) => {
      await redis.xadd(keys.pending(shardOf(near)), '*', 'id', 'an-id', 'audit', 'bytes');
    },
    plantDue: async (near, dueAt) => {
      await redis.zadd(keys.due(shardOf(near)), dueAt, `${near}:NOT A PLATFORM`);
    },
    breakRecord: async (user, platform) => {
      await rename(user, platform, 'version', 'version_aside');
    },
    repairRecord: async (user, platform) => {
      await rename(user, platform, 'version_aside', 'version');
    },
    breakUser: async (user) => {
      await redis.hdel(keys.user(user), 'wrapped');
    },
  };
};

const RENAME_FIELD = `
redis.call('HSET', KEYS[1], ARGV[2], redis.call('HGET', KEYS[1], ARGV[1]))
redis.call('HDEL', KEYS[1], ARGV[1])`;
