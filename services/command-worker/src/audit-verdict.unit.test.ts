import { expect, it } from 'vitest';
import { afterMicrotasks } from './audit-verdict.ts';

it('comes behind what was put off to the end of this turn before', async () => {
  const order: string[] = [];
  setImmediate(() => order.push('sent'));
  await afterMicrotasks().then(() => order.push('next turn'));
  expect(order).toEqual(['sent', 'next turn']);
});

it('is one for all who ask in the same turn, and another in the next', async () => {
  const first = afterMicrotasks();
  expect(afterMicrotasks()).toBe(first);
  await first;
  expect(afterMicrotasks()).not.toBe(first);
});
