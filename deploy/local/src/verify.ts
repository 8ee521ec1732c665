import { endSignal } from './end-signal.ts';
import { runHere } from './run-here.ts';

/** `npm run verify`: everything that CI asks for, what fails fastest first. The last line is that of the tests. */
const checks: readonly { name: string; tool: string; args: readonly string[] }[] = [
  { name: 'lint and import rules', tool: 'biome', args: ['check', '.'] },
  { name: 'types and bundles', tool: 'nx', args: ['run-many', '-t', 'types', 'bundle', '--outputStyle=static'] },
  { name: 'nothing unused', tool: 'knip', args: [] },
];

const end = endSignal();
const failed = await check();
if (failed.length > 0) console.log(`\n✗ ${failed.join(', ')}`);
console.log('\n▸ tests');
const tests = end.aborted ? 1 : await runHere('node', ['deploy/local/src/test.ts', ...process.argv.slice(2)], end);
process.exitCode = failed.length === 0 && tests === 0 ? 0 : 1;

/** @returns the names of those that failed; one that fails keeps no other from being run */
async function check(): Promise<string[]> {
  const names: string[] = [];
  for (const { name, tool, args } of checks) {
    if (end.aborted) break;
    console.log(`\n▸ ${name}`);
    if ((await runHere(tool, args, end)) !== 0) names.push(name);
  }
  return names;
}
