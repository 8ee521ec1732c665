import { setTimeout as sleep } from 'node:timers/promises';
import type { StateMarks } from '@vault-engine/state/projecting';
import { type Drift, findDrift, type Projection } from '@vault-engine/state/projecting';
import type { TokenStore } from '@vault-engine/vault';
import type { ReconcileSettings } from './config.ts';

/** Dependencies of {@link reconcile}. */
export interface ReconcileParts extends Omit<ReconcileSettings, 'everyMs'> {
  readonly store: Pick<TokenStore, 'users'>;
  readonly marks: StateMarks;
  readonly projection: Pick<Projection, 'inspect' | 'mend'>;
  readonly onMended: (drift: Drift) => void;
  readonly signal: AbortSignal;
}

/**
 * Compares all users of topic and store once, at the configured rate, and corrects the snapshots that still differ after the
 * grace period. Rejects if a dependency does not answer or the signal is aborted; the next run starts from the beginning.
 */
export const reconcile = async (parts: ReconcileParts): Promise<void> => {
  const { store, marks, projection, usersPerSecond, graceMs, onMended, signal } = parts;
  const wait = (ms: number): Promise<void> => sleep(ms, undefined, { signal });
  const drifted = findDrift({
    store,
    marks,
    inspect: projection.inspect,
    pace: (users) => wait((users / usersPerSecond) * 1_000),
    grace: () => wait(graceMs),
  });
  for await (const { user } of drifted) {
    const drift = await projection.mend(user);
    if (drift !== null) onMended(drift);
  }
};
