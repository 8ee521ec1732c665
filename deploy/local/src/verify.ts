import { endSignal } from './end-signal.ts';
import { runHere } from './run-here.ts';

/** `npm run verify`: everything that CI asks for, what fails fastest first. The last line is that of the tests. */
const checks: readonly { name: string; tool: string; args: readonly string[] }[] = [
  { name: 'lint and import rules', tool: 'biome', args: ['check', '.'] },
  { name: 'types and bundles', tool: 'nx', args: ['run-many', '-t', 'types', 'bundle', '--outputStyle=static'] },
  { name: 'nothing unused', tool: 'knip', args: [] },
  { name: 'tests', tool: 'node', args: ['deploy/local/src/test.ts', ...process.argv.slice(2)] },
];

process.exitCode = (await verify(endSignal())) ? 0 : 1;

async function verify(end: AbortSignal): Promise<boolean> {
  let green = true;
  for (const check of checks) {
    if (end.aborted) return false;
    console.log(`\n▸ ${check.name}`);
    if ((await runHere(check.tool, check.args, end)) === 0) continue;
    green = false;
    console.error(`✗ ${check.name}`);
  }
  return green;
}
