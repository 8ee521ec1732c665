import { defineConfig } from 'vitest/config';

const ignored = ['**/node_modules/**', '**/dist/**', '**/.types/**', '**/.local/**'];
// Brokers of their own beside everything else are more than the two cores of a short run: `npm run verify:full` has them.
const fullRunOnly = ['test/faults/audit-brokers-lost.fault.test.ts', 'test/faults/rights-of-worker.fault.test.ts'];
/** These compare times of one run with each other: they have the machine to themselves, when all others are through. */
const measuring = ['test/faults/{hot-key,one-call-hangs}.fault.test.ts'];
/** These change what a process has only once (prototypes of kafkajs, flags of V8, signals): each file has a process of its own. */
const processWide = [
  'libs/bus/**/*.unit.test.ts',
  'libs/runtime/**/*.unit.test.ts',
  'libs/token-store/src/redis/*.unit.test.ts',
  'deploy/**/*.unit.test.ts',
];
const full = process.env['VAULT_FULL'] === '1';
const left = full ? ignored : [...ignored, ...fullRunOnly];

const alone = { testTimeout: 20_000 };
const onParts = {
  globalSetup: ['test/world/src/provide-parts.ts'],
  testTimeout: 60_000,
  hookTimeout: 60_000,
  teardownTimeout: 60_000,
};

// Global setup runs only for a project that has a matching file, so that a run of unit tests starts no part.
export default defineConfig({
  test: {
    pool: 'forks',
    // Vitest's own choice leaves a core to itself; most tests wait for a part more than they work.
    maxWorkers: 2,
    setupFiles: ['test/world/src/own-ports.ts'],
    // What a full run has done is checked as a whole: a million commands, with their replies and audit records.
    execArgv: full ? ['--max-old-space-size=12288'] : [],
    projects: [
      {
        extends: true,
        test: {
          ...alone,
          name: 'unit',
          include: ['**/*.unit.test.ts'],
          exclude: [...ignored, ...processWide],
          // Most of the time of small files goes into starting a process and reading the sources anew.
          isolate: false,
        },
      },
      {
        extends: true,
        test: { ...alone, name: 'unit-isolated', include: processWide, exclude: ignored },
      },
      {
        extends: true,
        test: { ...alone, name: 'property', include: ['**/*.property.test.ts'], exclude: ignored },
      },
      {
        extends: true,
        test: {
          ...onParts,
          name: 'parts',
          include: ['**/*.int.test.ts', 'test/**/*.{flow,fault,attack}.test.ts', 'test/reports/*.test.ts'],
          exclude: [...left, ...measuring],
        },
      },
      {
        extends: true,
        test: { ...onParts, name: 'measuring', include: measuring, maxWorkers: 1, sequence: { groupOrder: 1 } },
      },
    ],
  },
});
