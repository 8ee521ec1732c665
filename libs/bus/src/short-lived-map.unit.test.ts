import { getHeapSpaceStatistics, setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { IndexedPool, ShortLivedMap } from './short-lived-map.ts';

describe('a short-lived map', () => {
  it('returns what a Map returns', () => {
    const step = fc.record({
      key: fc.constantFrom('a', 'b', 'c', 'd'),
      do: fc.constantFrom('set', 'set', 'set', 'delete', 'delete', 'clear'),
    });
    fc.assert(
      fc.property(fc.array(step, { maxLength: 40 }), (steps) => {
        const [map, shortLived] = [new Map<string, number>(), new ShortLivedMap<string, number>()];
        for (const [index, { key, do: what }] of steps.entries()) {
          if (what === 'set') {
            map.set(key, index);
            shortLived.set(key, index);
          } else if (what === 'clear') {
            map.clear();
            shortLived.clear();
          }
          if (what === 'delete') expect(shortLived.delete(key)).toBe(map.delete(key));
          expect(shortLived.size).toBe(map.size);
          expect(['a', 'b', 'c', 'd'].map((name) => [shortLived.has(name), shortLived.get(name)])).toEqual(
            ['a', 'b', 'c', 'd'].map((name) => [map.has(name), map.get(name)]),
          );
        }
        const seen: number[] = [];
        shortLived.forEach((value) => {
          seen.push(value);
        });
        expect(seen.toSorted()).toEqual([...map.values()].toSorted());
        expect([...shortLived.values()].toSorted()).toEqual(seen.toSorted());
      }),
    );
  });

  it('can be emptied during an iteration over its values', () => {
    const map = new ShortLivedMap<number, { key: number }>();
    for (const key of [1, 2, 3]) map.set(key, { key });
    const seen: number[] = [];
    for (const { key } of map.values()) {
      seen.push(key);
      map.delete(key);
    }
    expect(seen).toEqual([1, 2, 3]);
    expect(map.size).toBe(0);
  });

  it('keeps deleted values out of the old generation', () => {
    // A Map keeps all of them: 20 MB.
    expect(oldBytes(new ShortLivedMap<string, object>())).toBeLessThan(4_000_000);
  });
});

describe('an indexed pool', () => {
  it('reuses a slot only once it is free', () => {
    const pool = new IndexedPool<string>();
    const [first, second] = [pool.put('first'), pool.put('second')];
    expect(pool.take(first)).toBe('first');
    expect(pool.take(first)).toBeUndefined();
    expect(pool.put('third')).toBe(first);
    expect(pool.put('fourth')).not.toBe(first);
    expect(pool.at(second)).toBe('second');
    expect(pool.size).toBe(3);
    expect([...pool.values()].toSorted()).toEqual(['fourth', 'second', 'third']);
  });
});

interface Churned {
  set(key: string, value: object): unknown;
  delete(key: string): boolean;
}

const IN_FLIGHT = 256;

/** The growth of the old generation while 20,000 entries of about 1 KB come and go, with minor GCs only. */
const oldBytes = (map: Churned): number => {
  setFlagsFromString('--expose-gc');
  const collect = runInNewContext('gc') as (options?: { type: 'minor' }) => void; // defined by that flag
  const put = (index: number): void => {
    map.set(`key-${index}`, { text: Array.from({ length: 120 }, () => index) });
    map.delete(`key-${index - IN_FLIGHT}`);
  };
  for (let index = 0; index < 2 * IN_FLIGHT; index += 1) put(index);
  collect();
  const before = oldSpace();
  for (let index = 2 * IN_FLIGHT; index < 20_000; index += 1) {
    put(index);
    if (index % 1_000 === 0) collect({ type: 'minor' });
  }
  return oldSpace() - before;
};

const oldSpace = (): number =>
  getHeapSpaceStatistics().find(({ space_name: name }) => name === 'old_space')?.space_used_size ?? 0;
