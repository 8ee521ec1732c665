import { parseArgs } from 'node:util';

/** What a run of the bench is asked for. */
export interface BenchArguments {
  /** What is measured: commands beside echoes, what a command costs at least, how the state topic and its view keep up, or what renewal costs. */
  readonly suite: Suite;
  /** Of how many users connections are asked for, or how many the view of `state` holds at last; null: as many as the suite has. */
  readonly users: number | null;
  /** Where the figures are written as JSON. */
  readonly json: string | null;
  /** One short round. */
  readonly quick: boolean;
  /** With how many workers `get_token` is run besides; empty for not at all. */
  readonly workers: readonly number[];
  /** Writes a CPU profile instead of measuring: of the worker, with `refresh` of the scheduler. */
  readonly profile: boolean;
}

const SUITES = ['commands', 'floor', 'state', 'refresh'] as const;
export type Suite = (typeof SUITES)[number];

/** Reads the command line. Throws with what is wrong. */
export const readArguments = (args: readonly string[]): BenchArguments => {
  const { values } = parseArgs({
    args: [...args],
    options: {
      suite: { type: 'string', default: 'commands' },
      users: { type: 'string' },
      json: { type: 'string' },
      quick: { type: 'boolean', default: false },
      workers: { type: 'string' },
      profile: { type: 'boolean', default: false },
    },
  });
  return {
    suite: suiteNamed(values.suite),
    users: values.users === undefined ? null : userCount(values.users),
    json: values.json ?? null,
    quick: values.quick,
    workers: values.workers === undefined ? [] : values.workers.split(',').map(workerCount),
    profile: values.profile,
  };
};

const suiteNamed = (name: string): Suite => {
  const suite = SUITES.find((each) => each === name);
  if (suite !== undefined) return suite;
  throw new Error(`--suite takes one of ${SUITES.join(', ')}, not "${name}"`);
};

const FEWEST_USERS = 1_000;

const userCount = (text: string): number => {
  const count = Number(text);
  if (Number.isInteger(count) && count >= FEWEST_USERS) return count;
  throw new Error(`--users takes a number from ${FEWEST_USERS} on, not "${text}"`);
};

const MOST_WORKERS = 8;

const workerCount = (text: string): number => {
  const count = Number(text);
  if (Number.isInteger(count) && count >= 1 && count <= MOST_WORKERS) return count;
  throw new Error(`--workers takes numbers from 1 to ${MOST_WORKERS} with commas between, not "${text}"`);
};
