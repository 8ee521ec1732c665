import { type PendingRef, type Transition, type UserId, userId } from '@vault-engine/vault';
import { BrokenRow } from '../broken-row.ts';
import { SHARDS } from './keys.ts';
import type { Link } from './link.ts';
import { microsOf } from './read.ts';
import { untilReplicated } from './replicate.ts';

/** A transition, and where it lies. */
export interface Pending {
  readonly ref: PendingRef;
  readonly transition: Transition;
}

type Entry = readonly [id: Buffer, fields: readonly Buffer[]];

// Shards that are asked in one round trip: each may answer with as many entries as are wanted in all.
const SHARDS_AT_ONCE = 32;

/** The fields of a stream entry, names and values by turns; `event` once for each event. */
export const entryFields = (transition: Transition): (string | Buffer)[] => [
  'id',
  transition.id,
  'user',
  transition.user,
  'audit',
  transition.audit,
  ...transition.events.flatMap((event) => ['event', event]),
];

/** The reference to an entry of a shard's stream. */
export const pendingRef = (shard: string, entryId: string): PendingRef =>
  // Made here alone, read in `settle` alone.
  `${shard}:${entryId}` as PendingRef;

/**
 * Reads transitions that were added at least `olderThanMs` ago by the store's clock, shard by shard from `firstShard` on,
 * until there are `limit`. Also tells the shard to begin with next time: so no busy shard hides those behind it.
 */
export const readPending = async (
  link: Link,
  firstShard: number,
  olderThanMs: number,
  limit: number,
): Promise<{ readonly found: readonly Pending[]; readonly nextShard: number }> => {
  const nowMicros = microsOf(await link.persist(() => link.redis.time()));
  const until = Math.floor(nowMicros / 1000) - olderThanMs;
  const found: Pending[] = [];
  for (let asked = 0; asked < SHARDS.length; asked += SHARDS_AT_ONCE) {
    const first = (firstShard + asked) % SHARDS.length;
    const batch = await readShards(link, first, until, limit);
    found.push(...batch);
    if (found.length >= limit) return { found: found.slice(0, limit), nextShard: nextAfter(found[limit - 1], first) };
  }
  return { found, nextShard: firstShard };
};

/** Begins with the shard behind that of the last entry that is handed out. */
const nextAfter = (last: Pending | undefined, otherwise: number): number =>
  last === undefined ? otherwise : (Number.parseInt(last.ref.slice(0, 2), 16) + 1) % SHARDS.length;

/** Transitions will be told to others, who keep them: where replicas are waited for, they are read when those have them. */
const readShards = async (link: Link, first: number, until: number, limit: number) => {
  const shards = [...SHARDS, ...SHARDS].slice(first, first + SHARDS_AT_ONCE);
  const read = (some: readonly string[]) =>
    Promise.all(some.map((shard) => link.redis.xrangeBuffer(link.keys.pending(shard), '-', until, 'COUNT', limit)));
  const streams = await link.persist(async () => {
    const found = await read(shards);
    if (link.replicas === null) return found;
    const filled = shards.find((_, at) => found[at]?.length !== 0);
    if (filled === undefined) return found;
    const [again] = await Promise.all([read(shards), untilReplicated(link, [link.keys.pending(filled)])]);
    return again;
  });
  return streams.flatMap((entries, at) => entries.map((entry) => parseEntry(shards[at] ?? '', entry)));
};

const parseEntry = (shard: string, [id, fields]: Entry): Pending => {
  const entryId = id.toString('latin1');
  const named = (name: string) => fields.filter((_, at) => at % 2 === 1 && fields[at - 1]?.toString() === name);
  const [transitionId] = named('id');
  const [audit] = named('audit');
  const user = parseUserId(named('user')[0]);
  if (transitionId === undefined || audit === undefined || user === null) {
    throw new BrokenRow('pending', `entry ${entryId} of shard ${shard}`);
  }
  const transition = { id: transitionId.toString(), user, audit, events: named('event') };
  return { ref: pendingRef(shard, entryId), transition };
};

const parseUserId = (field: Buffer | undefined): UserId | null => (field === undefined ? null : userId(String(field)));

const REF = /^([0-9a-f]{2}):(\d+-\d+)$/;

/**
 * Deletes entries. What is gone already is no fault.
 *
 * @throws RangeError for a reference that is not of this store's making
 */
export const settle = async ({ redis, keys, persist }: Link, refs: readonly PendingRef[]): Promise<void> => {
  const idsByShard = Object.entries(Object.groupBy(refs.map(splitRef), ({ shard }) => shard));
  await persist(() =>
    Promise.all(
      idsByShard.map(([shard, entries = []]) => redis.xdel(keys.pending(shard), ...entries.map(({ id }) => id))),
    ),
  );
};

const splitRef = (ref: PendingRef): { readonly shard: string; readonly id: string } => {
  const [, shard, id] = REF.exec(ref) ?? [];
  if (shard === undefined || id === undefined) throw new RangeError('not a reference to a pending transition');
  return { shard, id };
};
