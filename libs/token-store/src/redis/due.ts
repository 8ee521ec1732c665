import { type Due, type DueStats, platformId, userId } from '@vault-engine/vault';
import { dueMember, SHARDS, shardOf } from './keys.ts';
import type { Link } from './link.ts';
import { integerText } from './parse-fields.ts';
import { quarantineDue } from './quarantine.ts';
import { asFields, runScript } from './run-script.ts';
import { DUE_STATS, TAKE_DUE } from './scripts.ts';

// Due entries are not replicated before a call resolves. After a failover, a lost postponement costs one more look at the connection.

/** Shards per round trip. Each gets an equal share of the limit, rounded up. */
const SHARDS_AT_ONCE = 32;

/**
 * See `TokenStore.takeDue`. Reads shards from `firstShard` on until `limit` entries are found. `nextShard` is where the next call
 * begins, so that a busy shard does not starve the shards after it.
 */
export const takeDue = async (
  link: Link,
  firstShard: number,
  limit: number,
  againInMs: number,
): Promise<{ readonly found: readonly Due[]; readonly nextShard: number }> => {
  const found: Due[] = [];
  for (let asked = 0; asked < SHARDS.length; asked += SHARDS_AT_ONCE) {
    const first = (firstShard + asked) % SHARDS.length;
    const share = Math.ceil((limit - found.length) / SHARDS_AT_ONCE);
    found.push(...(await takeFrom(link, first, share, againInMs)));
    if (found.length >= limit) return { found, nextShard: (first + SHARDS_AT_ONCE) % SHARDS.length };
  }
  return { found, nextShard: firstShard };
};

const takeFrom = async (link: Link, first: number, share: number, againInMs: number): Promise<readonly Due[]> => {
  const { redis, keys, retry } = link;
  const [shards, args] = [shardsFrom(first), [integerText(share), integerText(againInMs)]];
  const replies = await retry(() =>
    Promise.all(shards.map((shard) => runScript(redis, TAKE_DUE, [keys.due(shard)], args))),
  );
  const taken = replies.map(([reply], at) => ({ shard: shards[at] ?? '', entries: parseDue(asFields(reply)) }));
  for (const { shard, entries } of taken)
    for (const entry of entries)
      if (entry.due === null) await quarantineDue(link, shard, { ...entry, reason: INVALID });
  return taken.flatMap(({ entries }) => entries.flatMap(({ due }) => due ?? []));
};

/** See `TokenStore.postpone`. */
export const postpone = async ({ redis, keys, retry }: Link, due: Due): Promise<void> => {
  await retry(() => redis.zadd(keys.due(shardOf(due.user)), 'XX', due.dueAt, dueMember(due)));
};

/** See `TokenStore.upcoming`. */
export const upcoming = async ({ redis, keys, retry }: Link, limit: number): Promise<readonly Due[]> => {
  const replies = await retry(() =>
    Promise.all(SHARDS.map((shard) => redis.zrangeBuffer(keys.due(shard), '0', String(limit - 1), 'WITHSCORES'))),
  );
  return replies
    .flatMap((reply) => parseDue(reply).flatMap(({ due }) => due ?? []))
    .sort((a, b) => a.dueAt - b.dueAt)
    .slice(0, limit);
};

/** See `TokenStore.dueStats`. */
export const dueStats = async ({ redis, keys, retry }: Link): Promise<DueStats> => {
  const replies = await retry(() =>
    Promise.all(SHARDS.map((shard) => runScript(redis, DUE_STATS, [keys.due(shard)], []))),
  );
  const shards = replies.map(([reply]) => asFields(reply).map((field) => Number(field)));
  return {
    count: shards.reduce((sum, [count = 0]) => sum + count, 0),
    oldestMs: Math.max(...shards.map(([, oldestMs = 0]) => oldestMs)),
  };
};

const shardsFrom = (first: number): readonly string[] => [...SHARDS, ...SHARDS].slice(first, first + SHARDS_AT_ONCE);

const INVALID = 'the member is not a user id and a platform id';

interface DueEntry {
  readonly member: Buffer;
  readonly dueAt: number;
  /** Null: the member does not parse. */
  readonly due: Due | null;
}

/** Parses member, score, member, score, … */
const parseDue = (items: readonly (Buffer | null)[]): readonly DueEntry[] =>
  items.flatMap((item, at) => (at % 2 === 0 && item !== null ? [entryOf(item, Number(items[at + 1]))] : []));

const entryOf = (member: Buffer, dueAt: number): DueEntry => {
  const [name = '', platform = '', ...rest] = member.toString().split(':');
  const user = userId(name);
  const of = platform === '' ? null : platformId(platform);
  const isValid = user !== null && (platform === '' || of !== null) && rest.length === 0;
  return { member, dueAt, due: isValid ? { user, platform: of, dueAt } : null };
};
