import { queuePrefix } from '@vault-engine/refresh-queue';
import type { Redis } from 'ioredis';

/** The schedulers that are running, and the one of them that reports figures of the whole system. */
export interface Announced {
  /** Whether this process is the reporter. At most one process is, because the role is a key with an expiry. */
  readonly isReporter: boolean;
  /** Refreshes in flight by scheduler. */
  readonly inFlight: ReadonlyMap<string, number>;
}

/**
 * Writes this scheduler's number of refreshes in flight with an expiry, takes or extends the reporter's role, and returns the
 * live schedulers. KEYS schedulers (hash: id -> `inFlight:expiry`), reporter. ARGV id, in flight, lifetime in milliseconds.
 */
const ANNOUNCE = `
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
redis.call('HSET', KEYS[1], ARGV[1], ARGV[2] .. ':' .. string.format('%.0f', now + ARGV[3]))
local all = redis.call('HGETALL', KEYS[1])
local live = {}
for i = 1, #all, 2 do
  local count, expiry = string.match(all[i + 1], '^(%d+):(%d+)$')
  if expiry and tonumber(expiry) > now then
    live[#live + 1] = all[i]
    live[#live + 1] = count
  else
    redis.call('HDEL', KEYS[1], all[i])
  end
end
redis.call('PEXPIRE', KEYS[1], ARGV[3])
local reporter = redis.call('GET', KEYS[2])
if not reporter or reporter == ARGV[1] then
  redis.call('SET', KEYS[2], ARGV[1], 'PX', ARGV[3])
  reporter = ARGV[1]
end
return { reporter, live }`;

/** Runs {@link ANNOUNCE}. `id` is unique per process; `lifetimeMs` is the time after which a silent scheduler is forgotten. */
export const announce = async (
  redis: Redis,
  keyPrefix: string,
  { id, inFlight, lifetimeMs }: { readonly id: string; readonly inFlight: number; readonly lifetimeMs: number },
): Promise<Announced> => {
  const prefix = queuePrefix(keyPrefix);
  const keys = [`${prefix}:schedulers`, `${prefix}:reporter`];
  const [reporter, live] = (await redis.eval(ANNOUNCE, keys.length, ...keys, id, inFlight, lifetimeMs)) as [
    string,
    string[],
  ]; // the reply of ANNOUNCE
  const counts = live.flatMap((item, at) => (at % 2 === 0 ? [[item, Number(live[at + 1])] as const] : []));
  return { isReporter: reporter === id, inFlight: new Map(counts) };
};

/** Gives up the reporter's role and removes the scheduler, so that another reports without waiting for the expiry. */
export const withdraw = async (redis: Redis, keyPrefix: string, id: string): Promise<void> => {
  const prefix = queuePrefix(keyPrefix);
  await redis.eval(
    `redis.call('HDEL', KEYS[1], ARGV[1])
if redis.call('GET', KEYS[2]) == ARGV[1] then redis.call('DEL', KEYS[2]) end`,
    2,
    `${prefix}:schedulers`,
    `${prefix}:reporter`,
    id,
  );
};
