import type { Due, PlatformId, TokenStore } from '@vault-engine/vault';
import type { SweepSettings } from './config.ts';
import type { DueQueues } from './open-queues.ts';

/** What a sweep works with. */
export interface SweepParts extends Pick<SweepSettings, 'batch' | 'againInMs' | 'mayWait'> {
  readonly store: Pick<TokenStore, 'takeDue' | 'postpone'>;
  readonly queues: Pick<DueQueues, 'add' | 'waiting'>;
  /** Unix milliseconds. */
  readonly now: () => number;
  /** In [0, 1). */
  readonly random: () => number;
  /** Ends the sweep behind the batch that is under way. */
  readonly signal: AbortSignal;
  readonly onDispatched: (platform: PlatformId | null, dispatched: Dispatched) => void;
}

/** What became of what had fallen due in one queue. */
export interface Dispatched {
  readonly queued: number;
  /** The queue was full: they fall due again. */
  readonly putOff: number;
}

/**
 * Takes what has fallen due, batch by batch, until nothing more is, and puts it into the queues of its platforms. Taking
 * lets it fall due again in `againInMs`, so it is lost with no process and no queue.
 */
export const sweep = async (parts: SweepParts): Promise<void> => {
  const { store, batch, againInMs, signal } = parts;
  for (let taken = 1; taken > 0 && !signal.aborted; ) {
    const due = await store.takeDue(batch, againInMs);
    await dispatch(parts, due);
    taken = due.length;
  }
};

/** Queues are asked each for itself, so that a full one keeps nobody else's waiting. */
const dispatch = async (parts: SweepParts, due: readonly Due[]): Promise<void> => {
  const ofPlatforms = Map.groupBy(due, ({ platform }) => platform);
  await Promise.all([...ofPlatforms].map(([platform, theirs]) => fill(parts, platform, theirs)));
};

const fill = async (parts: SweepParts, platform: PlatformId | null, due: readonly Due[]): Promise<void> => {
  const { queues, mayWait, onDispatched } = parts;
  const room = Math.max(0, mayWait - (await queues.waiting(platform)));
  const longestDueFirst = due.toSorted((a, b) => a.dueAt - b.dueAt);
  const [fits, rest] = [longestDueFirst.slice(0, room), longestDueFirst.slice(room)];
  if (fits.length > 0) await queues.add(platform, fits.map(jobOf));
  await putOff(parts, rest);
  onDispatched(platform, { queued: fits.length, putOff: rest.length });
};

const jobOf = ({ user, platform }: Due) => ({ user, platform });

/** Spread over the time in which they would fall due again anyway: some come back as soon as the queue has room. */
const putOff = async ({ store, now, random, againInMs }: SweepParts, due: readonly Due[]): Promise<void> => {
  const from = now();
  await Promise.all(due.map((each) => store.postpone({ ...each, dueAt: Math.ceil(from + random() * againInMs) })));
};
