import { type Due, platformId, userId } from '@vault-engine/vault';
import { BrokenRow } from '../broken-row.ts';
import { dueMember, SHARDS, shardOf } from './keys.ts';
import type { Link } from './link.ts';
import { integerText } from './rows.ts';
import { asFields, runScript } from './run-script.ts';
import { TAKE_DUE } from './scripts.ts';

// Where replicas lag behind, a successor finds what was taken due once more: that costs a second look, and loses nothing.

/** Shards that are asked in one round trip: each may answer with as much as is wanted in all. */
const SHARDS_AT_ONCE = 32;

/**
 * See `TokenStore.takeDue`. Shard by shard from `firstShard` on, until there are `limit`; also tells the shard to begin with
 * next time: so no busy shard hides those behind it.
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

const takeFrom = async ({ redis, keys, persist }: Link, first: number, share: number, againInMs: number) => {
  const args = [integerText(share), integerText(againInMs)];
  const answers = await persist(() =>
    Promise.all(shardsFrom(first).map((shard) => runScript(redis, TAKE_DUE, [keys.due(shard)], args))),
  );
  return answers.flatMap(([answer]) => parseDue(asFields(answer)));
};

/** See `TokenStore.postpone`. */
export const postpone = async ({ redis, keys, persist }: Link, due: Due): Promise<void> => {
  await persist(() => redis.zadd(keys.due(shardOf(due.user)), 'XX', due.dueAt, dueMember(due)));
};

/** See `TokenStore.upcoming`. */
export const upcoming = async ({ redis, keys, persist }: Link, limit: number): Promise<readonly Due[]> => {
  const answers = await persist(() =>
    Promise.all(SHARDS.map((shard) => redis.zrangeBuffer(keys.due(shard), '0', String(limit - 1), 'WITHSCORES'))),
  );
  return answers
    .flatMap((answer) => parseDue(answer))
    .sort((a, b) => a.dueAt - b.dueAt)
    .slice(0, limit);
};

const shardsFrom = (first: number): readonly string[] => [...SHARDS, ...SHARDS].slice(first, first + SHARDS_AT_ONCE);

/** Members and their scores, by turns. */
const parseDue = (items: readonly (Buffer | null)[]): readonly Due[] =>
  items.flatMap((item, at) => (at % 2 === 0 ? [dueOf(String(item), Number(items[at + 1]))] : []));

const dueOf = (member: string, dueAt: number): Due => {
  const [name = '', platform = ''] = member.split(':');
  const user = userId(name);
  const of = platform === '' ? null : platformId(platform);
  if (user === null || (platform !== '' && of === null)) throw new BrokenRow('due', 'a member does not read');
  return { user, platform: of, dueAt };
};
