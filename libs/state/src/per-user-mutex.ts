import type { UserId } from '@vault-engine/model';

/** Runs work on the same user one after the other, in the order in which it was asked for; different users side by side. */
export const perUserMutex = (): (<T>(user: UserId, work: () => Promise<T>) => Promise<T>) => {
  const last = new Map<UserId, Promise<unknown>>();
  return async (user, work) => {
    const before = last.get(user);
    const mine = before === undefined ? work() : before.then(work, work);
    last.set(user, mine);
    try {
      return await mine;
    } finally {
      if (last.get(user) === mine) last.delete(user);
    }
  };
};
