import { expect, it } from 'vitest';
import { summarise } from './summarise-profile.ts';

const node = (id: number, functionName: string, url: string, children: number[] = []) => ({
  id,
  callFrame: { functionName, url, lineNumber: 9 },
  children,
});

const nodes = [
  node(1, '(root)', '', [2, 4, 5]),
  node(2, 'seal', 'file:///repo/libs/crypto/src/seal.ts', [3]),
  node(3, 'Hmac', 'node:internal/crypto/hash'),
  node(4, '(idle)', ''),
  node(5, 'encode', 'file:///repo/node_modules/kafkajs/src/encoder.js'),
];

const lines = (samples: readonly number[], window = { from: 0, to: 1_000 }) =>
  summarise(
    { nodes, startTime: 0, samples, timeDeltas: samples.map(() => 100) },
    { window, perSecond: 10_000, root: '/repo/' },
  );

it('counts what Node does for the part that asked for it, and leaves idle time out', () => {
  const text = lines([2, 3, 3, 4, 4, 5, 1]).join('\n');
  expect(text).toMatch(/75\.0 % +30\.0 µs +█+ +libs\/crypto/);
  expect(text).toMatch(/25\.0 % +10\.0 µs +█+ +kafkajs/);
  expect(text).toContain('Hmac  node:internal/crypto/hash:10');
  expect(text).not.toContain('(idle)');
});

it('looks at the window alone', () => {
  expect(lines([5, 2, 2, 2], { from: 0, to: 200 }).join('\n')).not.toContain('libs/crypto');
});
