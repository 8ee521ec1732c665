import type { Vault } from './call.ts';
import { journalise } from './transition.ts';

const BATCH = 200;

/**
 * Writes the transitions that a crash or an outage left pending, and settles them. The records carry the ids that they
 * were made with, so a transition that two drain, or that was written before the crash, can be told from a second change.
 * A command writes its own transition; one that is older than `olderThanMs` was left by a crash or an outage.
 * Resolves to how many were drained; rejects with `PortUnavailable` and leaves the rest for the next time.
 */
export const drainPending = async (vault: Pick<Vault, 'store' | 'journal'>, olderThanMs: number): Promise<number> => {
  const left = await vault.store.pending(olderThanMs, BATCH);
  await Promise.all(
    left.map(async ({ ref, transition }) => {
      await journalise(vault, transition);
      await vault.store.settle([ref]);
    }),
  );
  return left.length;
};
