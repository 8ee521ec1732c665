import { expect, test } from 'vitest';
import { simulateHour } from './simulate-hour.ts';

test('with renewal ahead of time and a healthy provider nobody who asks for a token waits for a refresh', async () => {
  const connections = 40;
  const { asked, failed, waited, begun_on_retrieval, refreshes, least_left } = await simulateHour({
    lifetimeS: 10,
    lifetimes: 1.2,
    // What a machine takes does not shrink with the hour: here it may take more of it.
    marginPart: 0.4,
    connections,
    asksPerSecond: 40,
  });
  expect({ failed, waited, begun_on_retrieval }).toEqual({ failed: 0, waited: 0, begun_on_retrieval: 0 });
  expect(refreshes).toBeGreaterThanOrEqual(connections);
  expect(asked).toBeGreaterThan(4 * connections);
  expect(least_left).toBeGreaterThan(1 / 20);
});
