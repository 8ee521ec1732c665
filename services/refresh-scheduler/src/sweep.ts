import type { Due, PlatformId, TokenStore } from '@vault-engine/vault';
import type { SweepSettings } from './config.ts';
import type { DueQueues } from './open-queues.ts';

/** Dependencies of {@link sweep}. */
export interface SweepParts extends Pick<SweepSettings, 'batch' | 'againInMs' | 'mayWait'> {
  readonly store: Pick<TokenStore, 'takeDue' | 'postpone'>;
  readonly queues: Pick<DueQueues, 'add' | 'waiting'>;
  /** Unix milliseconds. */
  readonly now: () => number;
  /** In [0, 1). */
  readonly random: () => number;
  /** Ends the sweep after the current batch. */
  readonly signal: AbortSignal;
  readonly onDispatched: (platform: PlatformId | null, dispatched: Dispatched) => void;
}

/** Numbers of due entries of one queue, by what happened to them. */
export interface Dispatched {
  readonly queued: number;
  /** Postponed because the queue was full. */
  readonly putOff: number;
}

/**
 * Takes due entries batch by batch until there are none, and adds them to the queues of their platforms. Taking an entry
 * also makes it due again in `againInMs`, so a lost process or queue loses no entry.
 */
export const sweep = async (parts: SweepParts): Promise<void> => {
  const { store, batch, againInMs, signal } = parts;
  for (let taken = 1; taken > 0 && !signal.aborted; ) {
    const due = await store.takeDue(batch, againInMs);
    await dispatch(parts, due);
    taken = due.length;
  }
};

/** Queues are filled independently: a full queue must not delay the others. */
const dispatch = async (parts: SweepParts, due: readonly Due[]): Promise<void> => {
  const byPlatform = Map.groupBy(due, ({ platform }) => platform);
  await Promise.all([...byPlatform].map(([platform, entries]) => fill(parts, platform, entries)));
};

const fill = async (parts: SweepParts, platform: PlatformId | null, due: readonly Due[]): Promise<void> => {
  const { queues, mayWait, onDispatched } = parts;
  const room = Math.max(0, mayWait - (await queues.waiting(platform)));
  const oldestFirst = due.toSorted((a, b) => a.dueAt - b.dueAt);
  const [fits, rest] = [oldestFirst.slice(0, room), oldestFirst.slice(room)];
  if (fits.length > 0) await queues.add(platform, fits.map(jobOf));
  await putOff(parts, rest);
  onDispatched(platform, { queued: fits.length, putOff: rest.length });
};

const jobOf = ({ user, platform }: Due) => ({ user, platform });

/** Postpones entries to random times within `againInMs`, so that some return as soon as the queue has room. */
const putOff = async ({ store, now, random, againInMs }: SweepParts, due: readonly Due[]): Promise<void> => {
  const from = now();
  await Promise.all(due.map((each) => store.postpone({ ...each, dueAt: Math.ceil(from + random() * againInMs) })));
};
