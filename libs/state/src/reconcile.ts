import type { UserId } from '@vault-engine/model';
import type { TokenStore } from '@vault-engine/vault';
import type { Drift } from './compare.ts';
import type { StateMarks } from './marks.ts';
import type { Projected } from './project.ts';

/** Options of {@link findDrift}. */
export interface FindDriftOptions {
  readonly store: Pick<TokenStore, 'users'>;
  readonly marks: Pick<StateMarks, 'get' | 'users'>;
  readonly inspect: (user: UserId) => Promise<Drift | null>;
  /** Called with the size of each batch of users; resolves when the batch may begin. */
  readonly pace: (users: number) => Promise<void>;
  /** Resolves when changes in flight have had time to reach the topic. */
  readonly grace: () => Promise<void>;
}

/** A user whose state differs between topic and store. */
export interface Drifted {
  readonly user: UserId;
  readonly drift: Drift;
}

const MAX_SUSPECTS = 10_000;

/**
 * Compares topic and store for every user of either, and yields the users that differ. A change takes time to reach the
 * topic, so a user that differs is compared again after `grace`.
 */
export const findDrift = async function* (options: FindDriftOptions): AsyncGenerator<Drifted, void> {
  let suspects: UserId[] = [];
  for await (const batch of inBatches(allUsers(options))) {
    await options.pace(batch.length);
    suspects.push(...(await drifted(options, batch)).map(({ user }) => user));
    if (suspects.length < MAX_SUSPECTS) continue;
    yield* confirmed(options, suspects);
    suspects = [];
  }
  yield* confirmed(options, suspects);
};

const allUsers = async function* ({ store, marks }: FindDriftOptions): AsyncGenerator<UserId, void> {
  yield* marks.users();
  for await (const user of store.users()) if (marks.get(user)?.kind !== 'snapshot') yield user;
};

const confirmed = async function* (
  options: FindDriftOptions,
  suspects: readonly UserId[],
): AsyncGenerator<Drifted, void> {
  if (suspects.length === 0) return;
  await options.grace();
  for await (const batch of inBatches(suspects)) yield* await drifted(options, batch);
};

const drifted = async ({ inspect }: FindDriftOptions, users: readonly UserId[]): Promise<readonly Drifted[]> => {
  const compared = await Promise.all(users.map(async (user) => ({ user, drift: await inspect(user) })));
  return compared.flatMap(({ user, drift }) => (drift === null ? [] : [{ user, drift }]));
};

/** The number of records published so far. */
export interface Rebuilt {
  readonly snapshots: number;
  readonly tombstones: number;
}

/** Options of {@link rebuild}. */
export interface RebuildOptions {
  readonly store: Pick<TokenStore, 'users'>;
  /** The state of the topic, read completely. */
  readonly marks: Pick<StateMarks, 'users'>;
  readonly republish: (user: UserId) => Promise<Projected>;
  readonly onProgress: (rebuilt: Rebuilt) => void;
}

/** Publishes a snapshot for every user of the store, and a tombstone for every user that only the topic has. */
export const rebuild = async ({ store, marks, republish, onProgress }: RebuildOptions): Promise<Rebuilt> => {
  // Collected before the first snapshot is published, because the rebuild itself adds users to the topic.
  const surplus = new Set(marks.users());
  let rebuilt: Rebuilt = { snapshots: 0, tombstones: 0 };
  const republishAll = async (users: AsyncIterable<UserId> | Iterable<UserId>): Promise<void> => {
    for await (const batch of inBatches(users)) {
      rebuilt = sum(rebuilt, await Promise.all(batch.map(republish)));
      onProgress(rebuilt);
    }
  };
  await republishAll(tap(store.users(), (user) => surplus.delete(user)));
  await republishAll(surplus);
  return rebuilt;
};

const tap = async function* <T>(items: AsyncIterable<T>, see: (item: T) => void): AsyncGenerator<T, void> {
  for await (const item of items) {
    see(item);
    yield item;
  }
};

const sum = ({ snapshots, tombstones }: Rebuilt, published: readonly Projected[]): Rebuilt => ({
  snapshots: snapshots + published.filter((kind) => kind === 'snapshot').length,
  tombstones: tombstones + published.filter((kind) => kind === 'tombstone').length,
});

const BATCH_SIZE = 64;

/** Groups items in arrays of up to 64, which are processed concurrently. */
const inBatches = async function* <T>(items: AsyncIterable<T> | Iterable<T>): AsyncGenerator<readonly T[], void> {
  let batch: T[] = [];
  for await (const item of items) {
    if (batch.push(item) < BATCH_SIZE) continue;
    yield batch;
    batch = [];
  }
  if (batch.length > 0) yield batch;
};
