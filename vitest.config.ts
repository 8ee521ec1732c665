import { defineConfig } from 'vitest/config';

const ignored = ['**/node_modules/**', '**/dist/**', '**/.types/**', '**/.local/**'];
// Three brokers beside everything else are more than the two cores of a short run: `npm run verify:full` has them.
const severalBrokers = ['test/faults/{audit-brokers-lost,leader-moved}.fault.test.ts'];

// Two projects: global setup runs only for a project that has a matching file, so that a run of unit tests starts no part.
export default defineConfig({
  test: {
    pool: 'forks',
    projects: [
      {
        extends: true,
        test: { name: 'unit', include: ['**/*.unit.test.ts'], exclude: ignored, testTimeout: 20_000 },
      },
      {
        extends: true,
        test: {
          name: 'parts',
          include: ['**/*.int.test.ts', 'test/**/*.{flow,fault,attack}.test.ts'],
          exclude: process.env['VAULT_FULL'] === '1' ? ignored : [...ignored, ...severalBrokers],
          globalSetup: ['test/world/src/provide-parts.ts'],
          testTimeout: 60_000,
          hookTimeout: 60_000,
          teardownTimeout: 60_000,
        },
      },
    ],
  },
});
