import { join } from 'node:path';
import { endAllChildren } from './child.ts';
import { endSignal } from './end-signal.ts';
import { ensureParts, type Parts } from './ensure-parts.ts';
import { tryLock } from './file-lock.ts';
import type { Log } from './progress.ts';
import { root } from './root.ts';
import { runSteps, type Step } from './steps.ts';

/** `npm start`: brings everything up step by step, stays until it is told to end, and takes everything down in reverse. */
const dataDir = join(root, '.local');
const log: Log = (line) => console.log(line);

process.exitCode = await start(endSignal());
// Whatever still holds the event loop (a start that was interrupted) is no reason to stay.
process.exit();

async function start(end: AbortSignal): Promise<number> {
  const held = await tryLock(join(dataDir, 'start.lock'));
  if (!held.ok) return fail(`the vault runs here already: end it first (kill ${held.holder})`);
  try {
    return await upUntil(end);
  } catch (error) {
    return fail(error instanceof Error ? error.message : String(error));
  } finally {
    await endAllChildren();
    await held.lock.release();
  }
}

async function upUntil(end: AbortSignal): Promise<number> {
  const began = performance.now();
  const asked = new Promise<undefined>((resolve) => end.addEventListener('abort', () => resolve(undefined)));
  const stop = await Promise.race([runSteps(steps(), log), asked]);
  if (stop) {
    log(`up in ${((performance.now() - began) / 1000).toFixed(1)} s; Ctrl-C ends it`);
    await asked;
  }
  log(`${end.reason}: stopping`);
  await stop?.();
  return 0;
}

function steps(): Step[] {
  const names = ['kafka', 'registry', 'redis'] as const;
  let parts: Parts<(typeof names)[number]> | undefined;
  return [
    {
      name: 'Kafka, registry, Redis',
      run: async () => {
        parts = await ensureParts({ names, dataDir, ports: 'fixed', log });
      },
      stop: async () => parts?.stop(),
    },
  ];
}

function fail(line: string): number {
  console.error(line);
  return 1;
}
