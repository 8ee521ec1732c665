import type { DueJob } from '@vault-engine/refresh-queue';
import type { Attended, Refresher, UserId } from '@vault-engine/vault';
import type { Work } from './open-queues.ts';

/** What became of a job; `abandoned`: how many flows of a user were. */
export type JobResult = Attended['kind'] | 'abandoned' | 'error';

/** What jobs are done with. */
export interface AttendParts {
  readonly refresher: Pick<Refresher, 'attend'>;
  /** Ends a user's flows that are past their time, and answers how many. */
  readonly abandon: (user: UserId) => Promise<number>;
  readonly onAttended: (job: DueJob, outcome: JobResult, durationMs: number) => void;
}

/** Does jobs: attends to a connection, or abandons flows. A platform whose rate is used up lets its queue rest. */
export const attendDue = (parts: AttendParts): Work => {
  const { onAttended } = parts;
  return async (job) => {
    const began = performance.now();
    const tell = (outcome: JobResult) => onAttended(job, outcome, performance.now() - began);
    try {
      const attended = await attend(parts, job);
      tell(attended.kind);
      return { outcome: attended.kind, restMs: attended.kind === 'throttled' ? attended.retryAfterMs : null };
    } catch (error) {
      tell('error');
      throw error;
    }
  };
};

const attend = async (
  { refresher, abandon }: AttendParts,
  { user, platform, forced }: DueJob,
): Promise<Attended | { readonly kind: 'abandoned' }> => {
  if (platform !== null) return refresher.attend(user, platform, forced);
  return (await abandon(user)) > 0 ? { kind: 'abandoned' } : { kind: 'nothing' };
};
