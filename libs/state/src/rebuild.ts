import type { UserId } from '@vault-engine/model';
import type { TokenStore } from '@vault-engine/vault';
import { inBatches } from './in-batches.ts';
import type { StateMarks } from './marks.ts';
import type { Projected } from './project.ts';

/** What was published so far. */
export interface Rebuilt {
  readonly snapshots: number;
  readonly tombstones: number;
}

/** What a rebuild works with. */
export interface RebuildOptions {
  readonly store: Pick<TokenStore, 'users'>;
  /** What the topic holds, read whole. */
  readonly marks: Pick<StateMarks, 'users'>;
  readonly republish: (user: UserId) => Promise<Projected>;
  readonly onProgress: (rebuilt: Rebuilt) => void;
}

/** Publishes the snapshot of every user of the store, and the tombstone of everybody whom only the topic has. */
export const rebuild = async ({ store, marks, republish, onProgress }: RebuildOptions): Promise<Rebuilt> => {
  // Before the first snapshot is written: what the topic gains by the rebuild itself is no surplus.
  const surplus = new Set(marks.users());
  let rebuilt: Rebuilt = { snapshots: 0, tombstones: 0 };
  const republishAll = async (users: AsyncIterable<UserId> | Iterable<UserId>): Promise<void> => {
    for await (const batch of inBatches(users)) {
      rebuilt = sum(rebuilt, await Promise.all(batch.map(republish)));
      onProgress(rebuilt);
    }
  };
  await republishAll(passing(store.users(), (user) => surplus.delete(user)));
  await republishAll(surplus);
  return rebuilt;
};

const passing = async function* <T>(items: AsyncIterable<T>, see: (item: T) => void): AsyncGenerator<T, void> {
  for await (const item of items) {
    see(item);
    yield item;
  }
};

const sum = ({ snapshots, tombstones }: Rebuilt, published: readonly Projected[]): Rebuilt => ({
  snapshots: snapshots + published.filter((kind) => kind === 'snapshot').length,
  tombstones: tombstones + published.filter((kind) => kind === 'tombstone').length,
});
