/**
 * The watchdog outlives its owner by design. It reads the owner's process groups from its standard input. When the input closes
 * (the owner has ended in any way, SIGKILL included), it ends all remaining groups, runs commands and removes folders.
 *
 * Lines: `child <pid>` · `gone <pid>` · `remove <path>` · `command <JSON array>` (folder first) · `done <JSON array>`.
 */
import { spawnSync } from 'node:child_process';
import { rm } from 'node:fs/promises';
import { createInterface } from 'node:readline';
import { setTimeout as sleep } from 'node:timers/promises';
import { endGroups } from './process-groups.ts';

const graceMs = 10_000;

await afterOwner(await listen());

async function listen() {
  // A signal to the whole session must not end the watchdog, which cleans up after the owner.
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, () => undefined);
  const pids = new Set<number>();
  const paths = new Set<string>();
  const commands = new Set<string>();
  for await (const line of createInterface({ input: process.stdin })) {
    const space = line.indexOf(' ');
    const rest = line.slice(space + 1);
    switch (line.slice(0, space)) {
      case 'child':
        pids.add(Number(rest));
        break;
      case 'gone':
        pids.delete(Number(rest));
        break;
      case 'remove':
        paths.add(rest);
        break;
      case 'command':
        commands.add(rest);
        break;
      case 'done':
        commands.delete(rest);
        break;
    }
  }
  return { pids, paths, commands };
}

async function afterOwner(left: { pids: Set<number>; paths: Set<string>; commands: Set<string> }): Promise<void> {
  // Last started, first ended: a service commits its work while the broker still answers.
  await endGroups([...left.pids].reverse(), { graceMs, sleep });
  for (const command of left.commands) {
    const [cwd, file, ...args] = JSON.parse(command) as string[]; // written by watchdog.ts alone
    if (file !== undefined) spawnSync(file, args, { cwd, stdio: 'ignore', timeout: 60_000 });
  }
  for (const path of left.paths) await rm(path, { recursive: true, force: true });
}
