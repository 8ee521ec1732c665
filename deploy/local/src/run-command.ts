import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type Program, startChild } from './child.ts';

/** The output of a command, and the reason if it failed. */
export type CommandResult =
  | { readonly ok: true; readonly output: string }
  | { readonly ok: false; readonly reason: 'not_found' | 'failed' | 'timeout'; readonly output: string };

/** Runs a command to its end and returns its output. */
export async function runCommand(program: Program, timeoutMs = 600_000): Promise<CommandResult> {
  const folder = await mkdtemp(join(tmpdir(), 'vault-engine-'));
  const logFile = join(folder, 'output');
  try {
    const child = await startChild(program, logFile).catch(() => undefined);
    if (!child) return { ok: false, reason: 'not_found', output: `${program.command} could not be started` };
    const ended = await within(timeoutMs, child.ended);
    if (ended === undefined) await child.stop(1_000);
    const output = await readFile(logFile, 'utf8');
    if (ended === 'exit code 0') return { ok: true, output };
    return { ok: false, reason: ended === undefined ? 'timeout' : 'failed', output };
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

async function within<T>(timeoutMs: number, work: Promise<T>): Promise<T | undefined> {
  const { promise: late, resolve } = Promise.withResolvers<undefined>();
  const timer = setTimeout(() => resolve(undefined), timeoutMs);
  try {
    return await Promise.race([work, late]);
  } finally {
    clearTimeout(timer);
  }
}
