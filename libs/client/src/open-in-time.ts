import { setTimeout as sleep } from 'node:timers/promises';
import { VaultClosed, VaultTimeout } from './vault-error.ts';

/** The request that waits for its inbox. */
export interface WaitingToSend {
  readonly requestId: string;
  readonly operation: { readonly command: string };
  readonly timeoutMs: number;
}

const AGAIN_AFTER_MS = 250;

/**
 * What `open` comes to, unless the request's time is over or its signal is aborted before. Where it fails it is tried
 * again until then: brokers that restart come back. The last failure is the timeout's cause.
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
    const what = `${operation.command} was not sent within ${timeoutMs} ms, since replies can not be read`;
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
      await sleep(AGAIN_AFTER_MS);
    }
  }
};
