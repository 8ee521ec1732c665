import { setTimeout as sleep } from 'node:timers/promises';
import { misbehave } from '@vault-engine/authorization-server';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { differingStates } from './differing-states.ts';
import { HANG_MS, type HangingVault, names, openHangingVault, wasAsked } from './open-hanging-vault.ts';

let at: HangingVault;
beforeAll(async () => {
  at = await openHangingVault();
});
afterAll(() => at?.close());

const AT_ONCE = 16;
const PACE_MS = 40;
const SLICE_MS = 500;

/** The p99 of each half second of `ms` in which users get tokens that are usable as they are. */
const measure = async (ms: number): Promise<readonly number[]> => {
  const p99s: number[] = [];
  for (let left = ms; left >= SLICE_MS; left -= SLICE_MS) {
    const end = performance.now() + SLICE_MS;
    const took = await Promise.all(names('plain', AT_ONCE).map((userId) => getUntil(userId, end)));
    p99s.push(quantile(took.flat(), 0.99));
  }
  return p99s;
};

const getUntil = async (userId: string, end: number): Promise<readonly number[]> => {
  const took: number[] = [];
  while (performance.now() < end) {
    const begun = performance.now();
    await at.writer.getToken({ userId, platform: 'gmail' });
    took.push(performance.now() - begun);
    await sleep(PACE_MS);
  }
  return took;
};

const quantile = (values: readonly number[], part: number): number =>
  values.toSorted((a, b) => a - b)[Math.floor(values.length * part)] ?? Number.NaN;

const ATTEMPTS = 3;

it(
  `changes the p99 of others by less than 20 % while a provider holds one call for ${HANG_MS / 1_000} s`,
  async () => {
    await Promise.all(names('plain', AT_ONCE).map((userId) => at.connect(userId, 'gmail')));
    await measure(1_000);
    const [without, during]: [number[], number[]] = [[], []];
    const change = () => quantile(during, 0.5) / quantile(without, 0.5);
    // Windows alternate and slices are many, for the machine has other work; what remains of its noise, more of them even out.
    for (let attempt = 0; attempt < ATTEMPTS && !(change() < 1.2); attempt += 1) {
      without.push(...(await measure(HANG_MS / 2)));
      at.hanging.script(misbehave.hang());
      const { answered } = await at.refresh(`held-${attempt}`, 'hanging');
      await wasAsked(at.hanging, attempt + 1);
      during.push(...(await measure(HANG_MS - 2 * SLICE_MS)));
      const { how, tookMs } = await answered;
      expect({ how, hung: tookMs > HANG_MS - 100 }).toEqual({ how: 'provider_unavailable', hung: true });
      without.push(...(await measure(HANG_MS / 2)));
    }
    const [before, after] = [quantile(without, 0.5).toFixed(1), quantile(during, 0.5).toFixed(1)];
    console.log(`p99 of others: ${before} ms without, and ${after} ms while a call hangs`);
    expect(change()).toBeLessThan(1.2);
    expect(await differingStates(at.vault)).toEqual([]);
  },
  ATTEMPTS * 3 * HANG_MS + 60_000,
);
