import { faultConfig } from './config.ts';

/** Numbers that come again with the same seed. */
export interface SeededRandom {
  /** A whole number from 0 up to, and without, `below`. */
  readonly int: (below: number) => number;
  readonly pick: <T>(from: readonly [T, ...T[]]) => T;
  /** Another source, which does not depend on how much was taken from this one. */
  readonly branch: (index: number) => SeededRandom;
}

/** The source of randomness of one test; says its seed, so that a failure can be run again. */
export const seededRandom = (test: string): SeededRandom => {
  console.log(`${test}: VAULT_SEED=${faultConfig.seed}`);
  return randomFrom(faultConfig.seed);
};

const randomFrom = (seed: number): SeededRandom => {
  const next = mulberry32(seed);
  const int = (below: number) => Math.floor(next() * below);
  return {
    int,
    pick: (from) => from[int(from.length)] ?? from[0],
    branch: (index) => randomFrom(Math.imul(seed ^ (index + 1), 0x9e3779b1) >>> 0),
  };
};

/** T. Ettinger's Mulberry32: 32 bits of state, numbers in [0, 1). */
const mulberry32 = (seed: number): (() => number) => {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
};
