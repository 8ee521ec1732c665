import { endSignal } from './end-signal.ts';
import { runHere } from './run-here.ts';

/**
 * `npm run verify`: all checks of CI, the fastest first. The last line has the test counts.
 * `npm run verify:full` (`--full`): also the fault tests at their full sizes, and a soak of 10 minutes.
 */
type Check = { readonly name: string; readonly tool: string; readonly args: readonly string[] };

const checks: readonly Check[] = [
  { name: 'lint and import rules', tool: 'biome', args: ['check', '.'] },
  { name: 'types and bundles', tool: 'nx', args: ['run-many', '-t', 'types', 'bundle', '--outputStyle=static'] },
  { name: 'unused code', tool: 'knip', args: [] },
];
const soak: Check = { name: 'soak', tool: 'node', args: ['test/soak/soak.ts', '--minutes', '10'] };

const words = process.argv.slice(2);
const full = words.includes('--full');
// Inherited by the tests and the soak.
if (full) process.env['VAULT_FULL'] = '1';

const end = endSignal();
const failed = await check(full ? [...checks, soak] : checks);
if (failed.length > 0) console.log(`\n✗ ${failed.join(', ')}`);
console.log('\n▸ tests');
const selected = words.filter((word) => word !== '--full');
const tests = end.aborted ? 1 : await runHere('node', ['deploy/local/src/test.ts', ...selected], end);
process.exitCode = failed.length === 0 && tests === 0 ? 0 : 1;

/** Runs all checks. @returns the names of the failed ones */
async function check(these: readonly Check[]): Promise<string[]> {
  const names: string[] = [];
  for (const { name, tool, args } of these) {
    if (end.aborted) break;
    console.log(`\n▸ ${name}`);
    if ((await runHere(tool, args, end)) !== 0) names.push(name);
  }
  return names;
}
