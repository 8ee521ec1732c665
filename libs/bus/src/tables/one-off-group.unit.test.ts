import { expect, it } from 'vitest';
import { retryJoin } from './one-off-group.ts';

const refusal = (type: string): Error => Object.assign(new Error(type), { type });

it('retries the join while the coordinator is not ready', async () => {
  const refusals = ['GROUP_COORDINATOR_NOT_AVAILABLE', 'GROUP_LOAD_IN_PROGRESS', 'NOT_COORDINATOR_FOR_GROUP'];
  const join = async () => {
    const next = refusals.shift();
    if (next !== undefined) throw refusal(next);
    return 'joined';
  };
  await expect(retryJoin(join)).resolves.toBe('joined');
});

it.each([refusal('GROUP_AUTHORIZATION_FAILED'), new Error('no broker')])('fails at once with %s', async (error) => {
  let attempts = 0;
  const join = () => {
    attempts += 1;
    return Promise.reject(error);
  };
  await expect(retryJoin(join)).rejects.toBe(error);
  expect(attempts).toBe(1);
});
