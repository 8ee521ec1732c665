import { expect, it } from 'vitest';
import { nextTurn } from './next-turn.ts';

it('comes behind what was put off to the end of this turn before', async () => {
  const order: string[] = [];
  setImmediate(() => order.push('sent'));
  await nextTurn().then(() => order.push('next turn'));
  expect(order).toEqual(['sent', 'next turn']);
});

it('is one for all who ask in the same turn, and another in the next', async () => {
  const first = nextTurn();
  expect(nextTurn()).toBe(first);
  await first;
  expect(nextTurn()).not.toBe(first);
});
