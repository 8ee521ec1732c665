import { fstatSync } from 'node:fs';
import { Socket } from 'node:net';

/**
 * Aborts when this process is asked to end: SIGINT, SIGTERM, SIGHUP, or the end of the process that started it, which keeps a pipe
 * open at descriptor 3 (see bootstrap.mjs). The reason is what to tell.
 */
export function endSignal(): AbortSignal {
  const controller = new AbortController();
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, () => controller.abort(signal));
  if (hasOwnerPipe()) {
    const pipe = new Socket({ fd: 3, readable: true, writable: false });
    pipe.once('close', () => controller.abort('the process that started this one has ended'));
    pipe.on('error', () => undefined); // 'close' follows
    pipe.resume();
    pipe.unref();
  }
  return controller.signal;
}

/** Resolves when the signal aborts, at once when it has. */
export function untilAborted(signal: AbortSignal): Promise<undefined> {
  return new Promise((resolve) => {
    if (signal.aborted) resolve(undefined);
    signal.addEventListener('abort', () => resolve(undefined), { once: true });
  });
}

function hasOwnerPipe(): boolean {
  try {
    const facts = fstatSync(3);
    return process.env['VAULT_STARTED_BY_BOOTSTRAP'] === '1' && (facts.isFIFO() || facts.isSocket());
  } catch {
    return false;
  }
}
