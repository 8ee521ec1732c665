import { spawn } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { expect, onTestFinished, test, vi } from 'vitest';
import { startChild } from './child.ts';
import { endGroups, groupLives } from './process-groups.ts';
import { runCommand } from './run-command.ts';

/** A process that starts two children, prints their ids, and registers a folder for removal. */
const owner = (folder: string) => `
  const { startChild } = await import('${new URL('./child.ts', import.meta.url).href}');
  const { removeAtEnd } = await import('${new URL('./watchdog.ts', import.meta.url).href}');
  removeAtEnd('${folder}');
  const one = await startChild({ command: 'sleep', args: ['1000'] }, '${folder}/one.log');
  const two = await startChild({ command: 'sh', args: ['-c', 'sleep 1000 & sleep 1000'] }, '${folder}/two.log');
  two.signal('SIGSTOP');
  console.log(JSON.stringify([one.pid, two.pid]));
  process.env.CRASH && setTimeout(() => { throw new Error('crash'); });
  setInterval(() => undefined, 1000);
`;

test.each([
  ['is killed with SIGKILL', 'SIGKILL', {}],
  ['is ended with SIGTERM', 'SIGTERM', {}],
  ['crashes', undefined, { CRASH: '1' }],
] as const)(
  'when the owner %s, its children end, including stopped ones and their own children',
  async (_how, signal, env) => {
    const folder = mkdtempSync(join(tmpdir(), 'vault-engine-watchdog-'));
    onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
    const started = spawn(process.execPath, ['--input-type=module', '-e', owner(folder)], {
      env: { ...process.env, ...env },
      stdio: ['ignore', 'pipe', 'ignore'],
    });
    const line = await new Promise<Buffer>((resolve) => started.stdout.once('data', resolve));
    const pids: number[] = JSON.parse(line.toString());
    if (signal) started.kill(signal);
    await vi.waitFor(() => expect(pids.filter(groupLives)).toEqual([]), { timeout: 15_000 });
    await vi.waitFor(() => expect(existsSync(folder)).toBe(false), { timeout: 5_000 });
  },
);

test('a group that ignores SIGTERM is killed after the grace period', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'vault-engine-stubborn-'));
  onTestFinished(() => rmSync(folder, { recursive: true }));
  const stubborn = ['-c', 'trap "" TERM; echo trapped; while :; do sleep 0.1; done'];
  const child = await startChild({ command: 'sh', args: stubborn }, join(folder, 'log'));
  await vi.waitFor(() => expect(readFileSync(join(folder, 'log'), 'utf8')).toContain('trapped'));
  await endGroups([child.pid], { graceMs: 200, sleep });
  expect(await child.ended).toBe('SIGKILL');
});

test('a command that takes too long is ended, and a missing one is reported', async () => {
  expect(await runCommand({ command: 'sleep', args: ['1000'] }, 50)).toMatchObject({ ok: false, reason: 'timeout' });
  expect(await runCommand({ command: 'no-such-program', args: [] })).toMatchObject({ ok: false, reason: 'not_found' });
  expect(await runCommand({ command: 'sh', args: ['-c', 'echo why; exit 3'] })).toEqual({
    ok: false,
    reason: 'failed',
    output: 'why\n',
  });
});
