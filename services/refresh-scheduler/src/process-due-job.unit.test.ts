import type { DueJob } from '@vault-engine/refresh-queue';
import type { DueResult } from '@vault-engine/vault';
import { expect, test } from 'vitest';
import { type JobResult, processDueJob } from './process-due-job.ts';
import { asUser, GMAIL } from './testing/due-samples.ts';

const user = asUser('u1');
const job: DueJob = { user, platform: GMAIL };

const openWork = (processDue: () => Promise<DueResult>, abandoned = 0) => {
  const outcomes: JobResult[] = [];
  const calls: string[] = [];
  const work = processDueJob({
    refresher: {
      processDue: (who, platform, forced) => {
        calls.push(`${who} on ${platform}${forced ? ', forced' : ''}`);
        return processDue();
      },
    },
    abandon: async (who) => {
      calls.push(`flows of ${who}`);
      return abandoned;
    },
    onProcessed: (_job, outcome) => outcomes.push(outcome),
  });
  return { work, outcomes, calls };
};

test.each(['renewed', 'failed', 'dead', 'told', 'nothing', 'busy', 'gone'] as const)(
  'a connection with the result %s is done; its next time is in the due index',
  async (kind) => {
    const { work, outcomes, calls } = openWork(async () => ({ kind }));
    expect(await work(job)).toEqual({ outcome: kind, restMs: null });
    expect([outcomes, calls]).toEqual([[kind], ['u1 on gmail']]);
  },
);

test('a refresh requested by an operator is forced', async () => {
  const { work, calls } = openWork(async () => ({ kind: 'renewed' }));
  await work({ ...job, forced: true });
  expect(calls).toEqual(['u1 on gmail, forced']);
});

test('a used-up rate limit pauses the queue until the next token', async () => {
  const { work, outcomes } = openWork(async () => ({ kind: 'throttled', retryAfterMs: 700 }));
  expect(await work(job)).toEqual({ outcome: 'throttled', restMs: 700 });
  expect(outcomes).toEqual(['throttled']);
});

test.each([
  [2, 'abandoned'],
  [0, 'nothing'],
] as const)('a job without a platform abandons flows: for %i the result is %s', async (count, outcome) => {
  const { work, outcomes, calls } = openWork(async () => ({ kind: 'gone' }), count);
  expect(await work({ user, platform: null })).toEqual({ outcome, restMs: null });
  expect([outcomes, calls]).toEqual([[outcome], ['flows of u1']]);
});

test('an error is counted and fails the job', async () => {
  const fault = new Error('it did not work');
  const { work, outcomes } = openWork(() => Promise.reject(fault));
  await expect(work(job)).rejects.toBe(fault);
  expect(outcomes).toEqual(['error']);
});
