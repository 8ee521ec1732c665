import { getHeapSpaceStatistics, setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { expect, it } from 'vitest';
import { keepGarbageYoung } from './keep-garbage-young.ts';

const oldSpace = (): number =>
  getHeapSpaceStatistics().find(({ space_name: name }) => name === 'old_space')?.space_used_size ?? 0;

const make = (index: number) => ({ index, list: [index, index, index, index], inner: { index } });

it('allocates short-lived objects in the young generation, also after bursts of objects that survived', () => {
  keepGarbageYoung();
  setFlagsFromString('--expose-gc');
  const collect = runInNewContext('gc') as (options?: { type: 'minor' }) => void; // what that flag brings
  for (let burst = 0; burst < 30; burst += 1) {
    const needed = Array.from({ length: 20_000 }, (_, index) => make(index));
    collect({ type: 'minor' });
    collect({ type: 'minor' });
    expect(needed.at(-1)?.index).toBe(19_999);
  }
  collect();
  const before = oldSpace();
  let last = make(0);
  for (let index = 1; index < 300_000; index += 1) {
    last = make(index);
    if (index % 20_000 === 0) collect({ type: 'minor' });
  }
  expect(last.index).toBe(299_999);
  // Without it mostly 48 MB.
  expect(oldSpace() - before).toBeLessThan(2_000_000);
});
