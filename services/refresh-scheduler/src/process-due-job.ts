import type { DueJob } from '@vault-engine/refresh-queue';
import type { DueResult, Refresher, UserId } from '@vault-engine/vault';
import type { Work } from './open-queues.ts';

/** What became of a job; `abandoned`: how many flows of a user were. */
export type JobResult = DueResult['kind'] | 'abandoned' | 'error';

/** What jobs are done with. */
export interface DueJobParts {
  readonly refresher: Pick<Refresher, 'processDue'>;
  /** Ends a user's flows that are past their time, and answers how many. */
  readonly abandon: (user: UserId) => Promise<number>;
  readonly onProcessed: (job: DueJob, outcome: JobResult, durationMs: number) => void;
}

/** Does jobs: attends to a connection, or abandons flows. A platform whose rate is used up lets its queue rest. */
export const processDueJob = (parts: DueJobParts): Work => {
  const { onProcessed } = parts;
  return async (job) => {
    const began = performance.now();
    const tell = (outcome: JobResult) => onProcessed(job, outcome, performance.now() - began);
    try {
      const processed = await processDue(parts, job);
      tell(processed.kind);
      return { outcome: processed.kind, restMs: processed.kind === 'throttled' ? processed.retryAfterMs : null };
    } catch (error) {
      tell('error');
      throw error;
    }
  };
};

const processDue = async (
  { refresher, abandon }: DueJobParts,
  { user, platform, forced }: DueJob,
): Promise<DueResult | { readonly kind: 'abandoned' }> => {
  if (platform !== null) return refresher.processDue(user, platform, forced);
  return (await abandon(user)) > 0 ? { kind: 'abandoned' } : { kind: 'nothing' };
};
