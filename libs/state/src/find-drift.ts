import type { UserId } from '@vault-engine/model';
import type { TokenStore } from '@vault-engine/vault';
import type { Drift } from './compare.ts';
import { inBatches } from './in-batches.ts';
import type { StateMarks } from './marks.ts';

/** How topic and store are compared. */
export interface FindDriftOptions {
  readonly store: Pick<TokenStore, 'users'>;
  readonly marks: Pick<StateMarks, 'get' | 'users'>;
  readonly inspect: (user: UserId) => Promise<Drift | null>;
  /** Called before each batch of users with their number; resolves when it may begin. */
  readonly pace: (users: number) => Promise<void>;
  /** Resolves when what differs now has had the time to be on its way. */
  readonly grace: () => Promise<void>;
}

/** A user about whom topic and store differ. */
export interface Drifted {
  readonly user: UserId;
  readonly drift: Drift;
}

const SUSPECTS_AT_ONCE = 10_000;

/**
 * Walks through all users, those of the topic and those that only the store has, and names whom the two differ about. A
 * change takes a moment to reach the topic, so whoever differs is looked at once more after `grace`.
 */
export const findDrift = async function* (options: FindDriftOptions): AsyncGenerator<Drifted, void> {
  let suspects: UserId[] = [];
  for await (const batch of inBatches(allUsers(options))) {
    await options.pace(batch.length);
    suspects.push(...(await drifted(options, batch)).map(({ user }) => user));
    if (suspects.length < SUSPECTS_AT_ONCE) continue;
    yield* convicted(options, suspects);
    suspects = [];
  }
  yield* convicted(options, suspects);
};

const allUsers = async function* ({ store, marks }: FindDriftOptions): AsyncGenerator<UserId, void> {
  yield* marks.users();
  for await (const user of store.users()) if (marks.get(user)?.kind !== 'snapshot') yield user;
};

const convicted = async function* (
  options: FindDriftOptions,
  suspects: readonly UserId[],
): AsyncGenerator<Drifted, void> {
  if (suspects.length === 0) return;
  await options.grace();
  for await (const batch of inBatches(suspects)) yield* await drifted(options, batch);
};

const drifted = async ({ inspect }: FindDriftOptions, users: readonly UserId[]): Promise<readonly Drifted[]> => {
  const looked = await Promise.all(users.map(async (user) => ({ user, drift: await inspect(user) })));
  return looked.flatMap(({ user, drift }) => (drift === null ? [] : [{ user, drift }]));
};
