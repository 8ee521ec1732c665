import { type PlatformId, platformId, type UserId, userId } from '@vault-engine/vault';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { jobId, queueName, readJob } from './due-job.ts';

const asUser = (text: string): UserId => userId(text) ?? fail();
const asPlatform = (text: string): PlatformId => platformId(text) ?? fail();
const fail = (): never => {
  throw new RangeError('a sample is not valid');
};

const users = fc.stringMatching(/^[A-Za-z0-9._@|+-]{1,128}$/).map(asUser);
const platforms = fc.option(fc.stringMatching(/^[a-z][a-z0-9-]{0,62}$/).map(asPlatform));
const forced = fc.constant(true as const);
const jobs = fc.record({ user: users, platform: platforms, forced }, { requiredKeys: ['user', 'platform'] });

test('a job is read as it was written', () => {
  fc.assert(
    fc.property(jobs, (job) => {
      expect(readJob(JSON.parse(JSON.stringify(job)))).toEqual(job);
    }),
  );
});

test('two jobs have the same id exactly if they are equal', () => {
  fc.assert(
    fc.property(jobs, jobs, (a, b) => {
      const same = a.user === b.user && a.platform === b.platform && a.forced === b.forced;
      expect(jobId(a) === jobId(b)).toBe(same);
    }),
  );
  const [user, other] = [asUser('u1'), asUser('u2')];
  expect(jobId({ user, platform: null })).toBe(jobId({ user, platform: null }));
  expect(jobId({ user, platform: null })).not.toBe(jobId({ user: other, platform: null }));
});

test('the id of a job contains no user id', () => {
  expect(jobId({ user: asUser('u1@example.test'), platform: null })).toMatch(/^[0-9a-f]{64}$/);
});

test('no platform shares the flows queue, and no queue name has a colon, which BullMQ refuses', () => {
  fc.assert(
    fc.property(platforms, (platform) => {
      expect(queueName(platform)).not.toContain(':');
      expect(queueName(platform) === queueName(null)).toBe(platform === null);
    }),
  );
});

test.each([
  { user: '', platform: 'gmail' },
  { user: 'u1', platform: 'Not A Platform' },
])('a job without a valid connection is refused: %j', (data) => {
  expect(() => readJob(data)).toThrow(TypeError);
});
