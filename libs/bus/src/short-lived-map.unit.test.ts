import { getHeapSpaceStatistics, setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { IndexedPool } from './indexed-pool.ts';
import { ShortLivedMap } from './short-lived-map.ts';

describe('a transient map', () => {
  it('answers what a Map answers', () => {
    const step = fc.record({
      key: fc.constantFrom('a', 'b', 'c', 'd'),
      do: fc.constantFrom('set', 'set', 'set', 'delete', 'delete', 'clear'),
    });
    fc.assert(
      fc.property(fc.array(step, { maxLength: 40 }), (steps) => {
        const [map, transient] = [new Map<string, number>(), new ShortLivedMap<string, number>()];
        for (const [index, { key, do: what }] of steps.entries()) {
          if (what === 'set') {
            map.set(key, index);
            transient.set(key, index);
          } else if (what === 'clear') {
            map.clear();
            transient.clear();
          }
          if (what === 'delete') expect(transient.delete(key)).toBe(map.delete(key));
          expect(transient.size).toBe(map.size);
          expect(['a', 'b', 'c', 'd'].map((name) => [transient.has(name), transient.get(name)])).toEqual(
            ['a', 'b', 'c', 'd'].map((name) => [map.has(name), map.get(name)]),
          );
        }
        const seen: number[] = [];
        transient.forEach((value) => {
          seen.push(value);
        });
        expect(seen.toSorted()).toEqual([...map.values()].toSorted());
        expect([...transient.values()].toSorted()).toEqual(seen.toSorted());
      }),
    );
  });

  it('can be emptied while its values are looked at', () => {
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

  it('leaves little of what has gone to the old generation', () => {
    // A Map leaves all of it: 20 MB.
    expect(oldBytes(new ShortLivedMap<string, object>())).toBeLessThan(4_000_000);
  });
});

describe('slots', () => {
  it('give a place again only when it is free', () => {
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

/** How much the old generation grows while 20,000 entries of about 1 KB come and go, a few at a time, and only the young is collected. */
const oldBytes = (map: Churned): number => {
  setFlagsFromString('--expose-gc');
  const collect = runInNewContext('gc') as (options?: { type: 'minor' }) => void; // what that flag brings
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
