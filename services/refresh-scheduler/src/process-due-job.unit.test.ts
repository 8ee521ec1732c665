import type { DueJob } from '@vault-engine/refresh-queue';
import type { DueResult } from '@vault-engine/vault';
import { expect, test } from 'vitest';
import { type JobResult, processDueJob } from './process-due-job.ts';
import { asUser, GMAIL } from './testing/due-samples.ts';

const user = asUser('u1');
const job: DueJob = { user, platform: GMAIL };

const openWork = (processDue: () => Promise<DueResult>, abandoned = 0) => {
  const outcomes: JobResult[] = [];
  const asked: string[] = [];
  const work = processDueJob({
    refresher: {
      processDue: (who, platform, forced) => {
        asked.push(`${who} on ${platform}${forced ? ', forced' : ''}`);
        return processDue();
      },
    },
    abandon: async (who) => {
      asked.push(`flows of ${who}`);
      return abandoned;
    },
    onProcessed: (_job, outcome) => outcomes.push(outcome),
  });
  return { work, outcomes, asked };
};

test.each(['renewed', 'failed', 'dead', 'told', 'nothing', 'busy', 'gone'] as const)(
  'a connection that is %s is done: what is next stands in the due index',
  async (kind) => {
    const { work, outcomes, asked } = openWork(async () => ({ kind }));
    expect(await work(job)).toEqual({ outcome: kind, restMs: null });
    expect([outcomes, asked]).toEqual([[kind], ['u1 on gmail']]);
  },
);

test('what an operator wants is forced', async () => {
  const { work, asked } = openWork(async () => ({ kind: 'renewed' }));
  await work({ ...job, forced: true });
  expect(asked).toEqual(['u1 on gmail, forced']);
});

test('a platform whose rate is used up lets its queue rest until there may be a place', async () => {
  const { work, outcomes } = openWork(async () => ({ kind: 'throttled', retryAfterMs: 700 }));
  expect(await work(job)).toEqual({ outcome: 'throttled', restMs: 700 });
  expect(outcomes).toEqual(['throttled']);
});

test.each([
  [2, 'abandoned'],
  [0, 'nothing'],
] as const)('a job without a platform ends flows: of %i the outcome is %s', async (count, outcome) => {
  const { work, outcomes, asked } = openWork(async () => ({ kind: 'gone' }), count);
  expect(await work({ user, platform: null })).toEqual({ outcome, restMs: null });
  expect([outcomes, asked]).toEqual([[outcome], ['flows of u1']]);
});

test('what goes wrong is counted, and fails the job', async () => {
  const fault = new Error('it did not work');
  const { work, outcomes } = openWork(() => Promise.reject(fault));
  await expect(work(job)).rejects.toBe(fault);
  expect(outcomes).toEqual(['error']);
});
