import { parseArgs } from 'node:util';

/** What a run of the bench is asked for. */
export interface BenchArguments {
  /** Where the figures are written as JSON. */
  readonly json: string | null;
  /** One short round. */
  readonly quick: boolean;
  /** With how many workers `get_token` is run besides; empty for not at all. */
  readonly workers: readonly number[];
  /** Writes a CPU profile of the worker instead of comparing. */
  readonly profile: boolean;
}

/** Reads the command line. Throws with what is wrong. */
export const readArguments = (args: readonly string[]): BenchArguments => {
  const { values } = parseArgs({
    args: [...args],
    options: {
      json: { type: 'string' },
      quick: { type: 'boolean', default: false },
      workers: { type: 'string' },
      profile: { type: 'boolean', default: false },
    },
  });
  return {
    json: values.json ?? null,
    quick: values.quick,
    workers: values.workers === undefined ? [] : values.workers.split(',').map(workerCount),
    profile: values.profile,
  };
};

const MOST_WORKERS = 8;

const workerCount = (text: string): number => {
  const count = Number(text);
  if (Number.isInteger(count) && count >= 1 && count <= MOST_WORKERS) return count;
  throw new Error(`--workers takes numbers from 1 to ${MOST_WORKERS} with commas between, not "${text}"`);
};
