import { type PendingRef, type Transition, type UserId, userId } from '@vault-engine/vault';
import { refuseImpossibleLease } from '../impossible-change.ts';
import { SHARDS } from './keys.ts';
import type { Link } from './link.ts';
import { integerText } from './parse-fields.ts';
import { quarantinePending } from './quarantine.ts';
import { microsOf } from './read.ts';
import { asFields, runScript, untilReplicated } from './run-script.ts';
import { HOLD_DRAIN_LEASE, RELEASE_DRAIN_LEASE } from './scripts.ts';

/** A pending transition and its reference. */
export interface Pending {
  readonly ref: PendingRef;
  readonly transition: Transition;
}

type Entry = readonly [id: Buffer, fields: readonly Buffer[]];

// Shards per round trip. Each may return as many entries as the whole call wants.
const SHARDS_AT_ONCE = 32;

/** The fields of a stream entry: name, value, name, value, … `event` occurs once per event. */
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
  // Only this function makes references, and only `settle` parses them.
  `${shard}:${entryId}` as PendingRef;

/**
 * Reads transitions that were added at least `olderThanMs` ago by the store's clock: shards from `firstShard` on, until `limit`
 * transitions are found. `nextShard` is where the next call begins, so that a busy shard does not starve the shards after it.
 */
export const readPending = async (
  link: Link,
  firstShard: number,
  olderThanMs: number,
  limit: number,
): Promise<{ readonly found: readonly Pending[]; readonly nextShard: number }> => {
  const nowMicros = microsOf(await link.retry(() => link.redis.time()));
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

/** The shard after that of the last entry that is returned. */
const nextAfter = (last: Pending | undefined, otherwise: number): number =>
  last === undefined ? otherwise : (Number.parseInt(last.ref.slice(0, 2), 16) + 1) % SHARDS.length;

/**
 * Transitions are published to other systems. With `waitReplicas`, they are therefore returned only when enough replicas have
 * them: a failover must not lose a change that is already published.
 */
const readShards = async (link: Link, first: number, until: number, limit: number) => {
  const shards = [...SHARDS, ...SHARDS].slice(first, first + SHARDS_AT_ONCE);
  const read = (some: readonly string[]) =>
    Promise.all(some.map((shard) => link.redis.xrangeBuffer(link.keys.pending(shard), '-', until, 'COUNT', limit)));
  const streams = await link.retry(async () => {
    const found = await read(shards);
    if (link.replicas === null) return found;
    const filled = shards.find((_, at) => found[at]?.length !== 0);
    if (filled === undefined) return found;
    const [again] = await Promise.all([read(shards), untilReplicated(link, [link.keys.pending(filled)])]);
    return again;
  });
  const found: Pending[] = [];
  for (const [at, entries] of streams.entries()) {
    const shard = shards[at] ?? '';
    for (const entry of entries) {
      const parsed = parseEntry(shard, entry);
      if (parsed === null) await quarantinePending(link, shard, brokenEntry(entry));
      else found.push(parsed);
    }
  }
  return found;
};

const brokenEntry = ([id, fields]: Entry) => ({
  entryId: id.toString('latin1'),
  fields,
  reason: 'the transition has no id, no user or no audit record',
});

/** Null: the entry does not parse. */
const parseEntry = (shard: string, [id, fields]: Entry): Pending | null => {
  const entryId = id.toString('latin1');
  const named = (name: string) => fields.filter((_, at) => at % 2 === 1 && fields[at - 1]?.toString() === name);
  const [transitionId] = named('id');
  const [audit] = named('audit');
  const user = parseUserId(named('user')[0]);
  if (transitionId === undefined || audit === undefined || user === null) return null;
  const transition = { id: transitionId.toString(), user, audit, events: named('event') };
  return { ref: pendingRef(shard, entryId), transition };
};

const parseUserId = (field: Buffer | undefined): UserId | null => (field === undefined ? null : userId(String(field)));

const REF = /^([0-9a-f]{2}):(\d+-\d+)$/;

/**
 * Deletes entries. An entry that is already deleted is ignored.
 *
 * @throws RangeError for a reference that this store has not made
 */
export const settle = async ({ redis, keys, retry }: Link, refs: readonly PendingRef[]): Promise<void> => {
  const idsByShard = Object.entries(Object.groupBy(refs.map(splitRef), ({ shard }) => shard));
  await retry(() =>
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

/** See `TokenStore.holdDrainLease`. A repeated call extends the lease once more. */
export const holdDrainLease = async ({ redis, keys, retry, processId }: Link, ttlMs: number): Promise<boolean> => {
  refuseImpossibleLease(processId, ttlMs);
  const args = [processId, integerText(ttlMs)];
  const [held] = asFields(
    await retry(async () => (await runScript(redis, HOLD_DRAIN_LEASE, [keys.drainLease], args))[0]),
  );
  return held?.toString() === '1';
};

/** Does nothing if another process has the lease. One attempt: the lease expires by itself. */
export const releaseDrainLease = async ({ redis, keys, processId }: Link): Promise<void> => {
  await runScript(redis, RELEASE_DRAIN_LEASE, [keys.drainLease], [processId]);
};
