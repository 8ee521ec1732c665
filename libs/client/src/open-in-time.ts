import { setTimeout as sleep } from 'node:timers/promises';
import { VaultClosed, VaultTimeout } from './vault-error.ts';

/** A request that waits for the inbox. */
export interface WaitingToSend {
  readonly requestId: string;
  readonly operation: { readonly command: string };
  readonly timeoutMs: number;
}

const RETRY_AFTER_MS = 250;

/**
 * Awaits `open` within the request's timeout and until its signal is aborted. A failed attempt is repeated until then,
 * because restarting brokers come back. The last failure is the cause of the timeout.
 */
export const openInTime = async <Opened>(
  open: () => Promise<Opened>,
  { operation, requestId, timeoutMs }: WaitingToSend,
  signal: AbortSignal | undefined,
): Promise<Opened> => {
  const failed: { over: boolean; last?: unknown } = { over: false };
  const late = Promise.withResolvers<never>();
  const abort = () => late.reject(signal?.reason);
  const timer = setTimeout(() => {
    const what = `${operation.command} was not sent within ${timeoutMs} ms, because replies cannot be read`;
    late.reject(new VaultTimeout(what, false, { requestId, cause: failed.last }));
  }, timeoutMs);
  signal?.addEventListener('abort', abort);
  try {
    return await Promise.race([untilOpen(open, failed), late.promise]);
  } finally {
    failed.over = true;
    clearTimeout(timer);
    signal?.removeEventListener('abort', abort);
  }
};

const untilOpen = async <Opened>(
  open: () => Promise<Opened>,
  failed: { readonly over: boolean; last?: unknown },
): Promise<Opened> => {
  for (;;) {
    try {
      return await open();
    } catch (error) {
      if (error instanceof VaultClosed || failed.over) throw error;
      failed.last = error;
      await sleep(RETRY_AFTER_MS);
    }
  }
};
