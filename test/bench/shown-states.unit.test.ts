import { expect, it } from 'vitest';
import { ShownStates } from './shown-states.ts';

it('counts from the reply to the first snapshot that shows the change, which may show later ones as well', async () => {
  const states = new ShownStates();
  states.show('u', 1, 5);
  expect(await states.delay('u', 1, 7)).toBe(0);
  const [second, third, fourth] = [states.delay('u', 2, 7), states.delay('u', 3, 8), states.delay('u', 4, 9)];
  states.show('other', 9, 9);
  states.show('u', 3, 10);
  expect(await Promise.all([second, third])).toEqual([3, 2]);
  states.show('u', 4, 20);
  expect(await fourth).toBe(11);
});
