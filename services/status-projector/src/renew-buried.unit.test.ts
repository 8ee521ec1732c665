import { PortUnavailable, type UserId, userId } from '@vault-engine/vault';
import { expect, it, vi } from 'vitest';
import { renewBuried } from './renew-buried.ts';

const [a, b, c] = ['a', 'b', 'c'].map((text): UserId => userId(text) ?? expect.fail('no user id'));
const partsOf = (renew: (user: UserId) => Promise<null>, signal = new AbortController().signal) => {
  const buried = new Set([a, b, c].filter((user) => user !== undefined));
  const parts = { marks: { buried: () => buried }, renew: vi.fn(renew), onRenewed: vi.fn(), onError: vi.fn(), signal };
  return { ...parts, set: buried };
};
const renewedBy = ({ renew }: ReturnType<typeof partsOf>) => renew.mock.calls.map(([user]) => user);

it('every buried user is renewed, but one whom the topic has brought back meanwhile', async () => {
  const parts = partsOf(async (user) => {
    if (user === a && b !== undefined) parts.set.delete(b);
    return null;
  });
  await renewBuried(parts);
  expect(renewedBy(parts)).toEqual([a, c]);
  expect(parts.onRenewed).toHaveBeenCalledTimes(2);
});

it('an outage leaves the others to the next time, a fault of one user does not', async () => {
  const faulty = partsOf((user) => (user === a ? Promise.reject(new TypeError('broken')) : Promise.resolve(null)));
  await renewBuried(faulty);
  expect([renewedBy(faulty), faulty.onError.mock.calls.length]).toEqual([[a, b, c], 1]);

  const away = partsOf(() => Promise.reject(new PortUnavailable('storage', 'away')));
  await renewBuried(away);
  expect([renewedBy(away), away.onError.mock.calls.length]).toEqual([[a], 1]);
});

it('nothing is begun once the service stops', async () => {
  const stopping = new AbortController();
  const parts = partsOf(async () => {
    stopping.abort();
    return null;
  }, stopping.signal);
  await renewBuried(parts);
  expect(renewedBy(parts)).toEqual([a]);
});
