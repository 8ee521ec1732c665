import type { Projection, StateMarks } from '@vault-engine/state';
import { isPassing } from './follow-event.ts';

/** With what buried users are renewed. */
export interface RenewParts {
  readonly marks: Pick<StateMarks, 'buried'>;
  readonly renew: Projection['renew'];
  readonly onRenewed: () => void;
  /** Told of a user who stays buried for now. */
  readonly onError: (error: unknown) => void;
  readonly signal: AbortSignal;
}

/**
 * Publishes afresh the users whose newest message compaction would lose. They stay buried until the topic itself brings it
 * back, so whoever is not renewed now is renewed the next time.
 */
export const renewBuried = async ({ marks, renew, onRenewed, onError, signal }: RenewParts): Promise<void> => {
  for (const user of [...marks.buried()]) {
    if (signal.aborted) return;
    if (!marks.buried().has(user)) continue;
    try {
      await renew(user);
      onRenewed();
    } catch (error) {
      onError(error);
      if (isPassing(error)) return;
    }
  }
};
