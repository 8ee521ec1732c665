import { fstatSync } from 'node:fs';
import { Socket } from 'node:net';

/**
 * Aborts when this process has to end: on SIGINT, SIGTERM, SIGHUP, or the end of its parent, detected by the pipe at descriptor 3
 * (see bootstrap.mjs). The abort reason is a text for the terminal.
 */
export function endSignal(): AbortSignal {
  const controller = new AbortController();
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, () => controller.abort(signal));
  if (hasOwnerPipe()) {
    const pipe = new Socket({ fd: 3, readable: true, writable: false });
    pipe.once('close', () => controller.abort('parent process ended'));
    pipe.on('error', () => undefined); // 'close' follows
    pipe.resume();
    pipe.unref();
  }
  return controller.signal;
}

/** Resolves when the signal aborts; at once if it already has. */
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
