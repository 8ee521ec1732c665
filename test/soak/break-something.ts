import { setTimeout as sleep } from 'node:timers/promises';
import type { SeededRandom } from '../faults/seeded-random.ts';
import type { SoakPart, SoakVault } from './open-soak-vault.ts';

/** One thing that goes wrong, and is right again when `run` resolves. */
export interface Fault {
  readonly name: string;
  readonly run: (soak: SoakVault, random: SeededRandom) => Promise<void>;
}

const workerEnds = (signal: 'SIGKILL' | 'SIGTERM'): Fault => ({
  name: `worker ${signal}`,
  run: async (soak) => {
    await (signal === 'SIGKILL' ? soak.younger().kill(signal) : soak.younger().stop());
    await soak.replaceYounger();
  },
});

/** Sessions last 6 s: about half of the pauses outlast them. */
const LONGEST_STILL_MS = 12_000;

const workerStandsStill: Fault = {
  name: 'worker SIGSTOP',
  run: async ({ elder, younger }, random) => {
    const { pid } = random.int(2) === 0 ? elder : younger();
    process.kill(pid, 'SIGSTOP');
    try {
      await sleep(500 + random.int(LONGEST_STILL_MS));
    } finally {
      process.kill(pid, 'SIGCONT');
    }
  },
};

const LONGEST_AWAY_MS = 5_000;

const partRestarts = (name: SoakPart): Fault => ({
  name: `${name} restart`,
  run: async ({ parts: { [name]: part } }, random) => {
    await part.kill(random.pick(['SIGKILL', 'SIGTERM']));
    await sleep(random.int(LONGEST_AWAY_MS));
    await part.start();
  },
});

const FAULTS: readonly Fault[] = [
  workerEnds('SIGKILL'),
  workerEnds('SIGTERM'),
  workerStandsStill,
  partRestarts('redis'),
  partRestarts('registry'),
  partRestarts('kafka'),
];

/** Faults without an end, in the order of the seed. Each comes once before any comes again. */
export function* faultsInOrder(random: SeededRandom): Generator<Fault, never> {
  for (;;) {
    const left = [...FAULTS];
    while (left.length > 0) yield* left.splice(random.int(left.length), 1);
  }
}
