import { setFlagsFromString } from 'node:v8';
import { runInThisContext } from 'node:vm';
import { expect, it } from 'vitest';
import { restoreStringPrototype } from './connect.ts';

it('String.prototype is in fast mode again after ioredis is loaded', async () => {
  setFlagsFromString('--allow-natives-syntax');
  const isFast: (of: object) => boolean = runInThisContext('(of) => %HasFastProperties(of)');
  await import('ioredis');
  // If this fails, ioredis or V8 has changed, and `restoreStringPrototype` can go.
  expect(isFast(String.prototype)).toBe(false);
  restoreStringPrototype();
  expect(isFast(String.prototype)).toBe(true);
});
