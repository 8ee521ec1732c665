import { VaultTimeout } from './vault-error.ts';

/** The request that waits for its inbox. */
export interface WaitingToSend {
  readonly requestId: string;
  readonly operation: { readonly command: string };
  readonly timeoutMs: number;
}

/** What `opening` comes to, unless the request's time is over or its signal is aborted before. */
export const openInTime = async <Opened>(
  opening: Promise<Opened>,
  { operation, requestId, timeoutMs }: WaitingToSend,
  signal: AbortSignal | undefined,
): Promise<Opened> => {
  const late = Promise.withResolvers<never>();
  const abort = () => late.reject(signal?.reason);
  const timer = setTimeout(() => {
    const what = `${operation.command} was not sent within ${timeoutMs} ms, since replies can not be read`;
    late.reject(new VaultTimeout(what, false, { requestId }));
  }, timeoutMs);
  signal?.addEventListener('abort', abort);
  try {
    return await Promise.race([opening, late.promise]);
  } finally {
    clearTimeout(timer);
    signal?.removeEventListener('abort', abort);
  }
};
