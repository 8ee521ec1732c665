import { PortUnavailable, type UserId, userId } from '@vault-engine/vault';
import { expect, it, vi } from 'vitest';
import { republishSuperseded } from './republish-superseded.ts';

const [a, b, c] = ['a', 'b', 'c'].map((text): UserId => userId(text) ?? expect.fail('no user id'));
const partsOf = (republish: (user: UserId) => Promise<null>, signal = new AbortController().signal) => {
  const buried = new Set([a, b, c].filter((user) => user !== undefined));
  const parts = {
    marks: { buried: () => buried },
    republish: vi.fn(republish),
    onRepublished: vi.fn(),
    onError: vi.fn(),
    signal,
  };
  return { ...parts, set: buried };
};
const republishedBy = ({ republish }: ReturnType<typeof partsOf>) => republish.mock.calls.map(([user]) => user);

it('every superseded snapshot is published again, except one that was read back meanwhile', async () => {
  const parts = partsOf(async (user) => {
    if (user === a && b !== undefined) parts.set.delete(b);
    return null;
  });
  await republishSuperseded(parts);
  expect(republishedBy(parts)).toEqual([a, c]);
  expect(parts.onRepublished).toHaveBeenCalledTimes(2);
});

it('an outage ends the run; an error of one user does not', async () => {
  const faulty = partsOf((user) => (user === a ? Promise.reject(new TypeError('broken')) : Promise.resolve(null)));
  await republishSuperseded(faulty);
  expect([republishedBy(faulty), faulty.onError.mock.calls.length]).toEqual([[a, b, c], 1]);

  const away = partsOf(() => Promise.reject(new PortUnavailable('storage', 'away')));
  await republishSuperseded(away);
  expect([republishedBy(away), away.onError.mock.calls.length]).toEqual([[a], 1]);
});

it('nothing is published once the service stops', async () => {
  const stopping = new AbortController();
  const parts = partsOf(async () => {
    stopping.abort();
    return null;
  }, stopping.signal);
  await republishSuperseded(parts);
  expect(republishedBy(parts)).toEqual([a]);
});
