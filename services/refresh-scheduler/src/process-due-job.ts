import type { DueJob } from '@vault-engine/refresh-queue';
import type { DueResult, Refresher, UserId } from '@vault-engine/vault';
import type { Work } from './open-queues.ts';

/** The result of a job. `abandoned`: at least one flow of the user was abandoned. */
export type JobResult = DueResult['kind'] | 'abandoned' | 'error';

/** Dependencies of {@link processDueJob}. */
export interface DueJobParts {
  readonly refresher: Pick<Refresher, 'processDue'>;
  /** Abandons a user's expired flows and returns their number. */
  readonly abandon: (user: UserId) => Promise<number>;
  readonly onProcessed: (job: DueJob, outcome: JobResult, durationMs: number) => void;
}

/** Processes a due connection, or abandons a user's expired flows. If the platform's rate limit is used up, its queue pauses. */
export const processDueJob = (parts: DueJobParts): Work => {
  const { onProcessed } = parts;
  return async (job) => {
    const startedAt = performance.now();
    const report = (outcome: JobResult) => onProcessed(job, outcome, performance.now() - startedAt);
    try {
      const processed = await processDue(parts, job);
      report(processed.kind);
      return { outcome: processed.kind, restMs: processed.kind === 'throttled' ? processed.retryAfterMs : null };
    } catch (error) {
      report('error');
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
