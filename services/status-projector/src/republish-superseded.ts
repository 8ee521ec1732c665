import type { Projection, StateMarks } from '@vault-engine/state/projecting';
import { isTransient } from './follow-event.ts';

/** Dependencies of {@link republishSuperseded}. */
export interface RepublishParts {
  readonly marks: Pick<StateMarks, 'buried'>;
  readonly republish: Projection['republish'];
  readonly onRepublished: () => void;
  /** Called for a user whose snapshot could not be published. */
  readonly onError: (error: unknown) => void;
  readonly signal: AbortSignal;
}

/**
 * Publishes again the snapshots that are followed by an older or unreadable record: compaction would delete them. A user
 * stays in `marks.buried()` until the new snapshot is read back from the topic, so a failed one is retried by the next run.
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
      if (isTransient(error)) return;
    }
  }
};
