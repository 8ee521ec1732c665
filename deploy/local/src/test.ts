import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { endSignal } from './end-signal.ts';
import { compileCache } from './root.ts';
import { runHere } from './run-here.ts';
import { countsLine, countTests, isGreen, type TestReport } from './test-counts.ts';

/**
 * `npm test`: runs vitest on all files, or on those selected by the arguments. Its global setup finds or starts the real parts if a
 * selected test needs them. The last line has the counts.
 */
const folder = await mkdtemp(join(tmpdir(), 'vault-engine-report-'));
const report = join(folder, 'report.json');
const reporters = ['--reporter=default', '--reporter=json', `--outputFile.json=${report}`];
// Inherited by vitest's processes and the services that they start.
process.env['NODE_COMPILE_CACHE'] ??= compileCache;
const code = await runHere('vitest', ['run', ...reporters, ...process.argv.slice(2)], endSignal());
const counts = countTests(await readReport(report), code);
await rm(folder, { recursive: true, force: true });
process.exitCode = isGreen(counts) ? 0 : 1;
console.log(countsLine(counts));

async function readReport(path: string): Promise<TestReport | undefined> {
  const text = await readFile(path, 'utf8').catch(() => undefined);
  return text === undefined ? undefined : (JSON.parse(text) as TestReport); // vitest's own format
}
