import type { StateMarks } from '@vault-engine/state';
import type { Projection } from '@vault-engine/state/projecting';
import { isPassing } from './follow-event.ts';

/** With what buried users are renewed. */
export interface RepublishParts {
  readonly marks: Pick<StateMarks, 'buried'>;
  readonly republish: Projection['republish'];
  readonly onRepublished: () => void;
  /** Told of a user who stays buried for now. */
  readonly onError: (error: unknown) => void;
  readonly signal: AbortSignal;
}

/**
 * Publishes afresh the users whose newest message compaction would lose. They stay buried until the topic itself brings it
 * back, so whoever is not renewed now is renewed the next time.
 */
export const republishSuperseded = async ({
  marks,
  republish,
  onRepublished,
  onError,
  signal,
}: RepublishParts): Promise<void> => {
  for (const user of [...marks.buried()]) {
    if (signal.aborted) return;
    if (!marks.buried().has(user)) continue;
    try {
      await republish(user);
      onRepublished();
    } catch (error) {
      onError(error);
      if (isPassing(error)) return;
    }
  }
};
