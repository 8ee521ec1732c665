import { setFlagsFromString } from 'node:v8';
import { runInThisContext } from 'node:vm';
import { expect, it } from 'vitest';
import { keepTextQuick } from './keep-text-quick.ts';

it('has text quick to read again after ioredis was loaded', async () => {
  setFlagsFromString('--allow-natives-syntax');
  const isQuick: (of: object) => boolean = runInThisContext('(of) => %HasFastProperties(of)');
  await import('ioredis');
  // Where this fails, ioredis or V8 has changed: then `keepTextQuick` has no use any more.
  expect(isQuick(String.prototype)).toBe(false);
  keepTextQuick();
  expect(isQuick(String.prototype)).toBe(true);
});
