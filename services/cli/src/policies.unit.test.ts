import type { EnginePolicy } from '@vault-engine/engines';
import { expect, test } from 'vitest';
import { policyChanges } from './policies.ts';

const policy = (operations: string[], platforms: string[], burst = 2): EnginePolicy => ({
  grants: [{ operations, platforms }],
  rate: { perSecond: 1, burst },
});

test('equal policies have no changes, however their grants are grouped', () => {
  const split: EnginePolicy = {
    ...policy(['A'], ['x']),
    grants: [...policy(['A'], ['x']).grants, ...policy(['B'], ['x']).grants],
  };
  expect(policyChanges(policy(['A', 'B'], ['x']), split)).toEqual([]);
});

test('added and removed rights are listed one by one, and so is the rate', () => {
  expect(policyChanges(policy(['A'], ['x', 'y']), policy(['A', 'B'], ['y'], 3))).toEqual([
    'rate 1/s, burst 2 → 1/s, burst 3',
    '+ B on y',
    '- A on x',
  ]);
});

test('a new policy is listed in full', () => {
  expect(policyChanges(null, policy(['A'], ['*']))).toEqual(['rate 1/s, burst 2', '+ A on *']);
});
