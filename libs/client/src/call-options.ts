import { isIdempotencyKey, MAX_TIMEOUT_MS } from '@vault-engine/protocol';

/** What a caller can say about one request. */
export interface CallOptions {
  /** Whole milliseconds, 1 to 600000. The vault does not begin a command after its deadline. */
  readonly timeoutMs?: number | undefined;
  /** Ends the waiting; the command itself can't be called back. */
  readonly signal?: AbortSignal | undefined;
  /**
   * 1 to 255 printable ASCII characters, for mutating commands: a repetition under the same key is executed once.
   * Without it the command's id serves.
   */
  readonly idempotencyKey?: string | undefined;
  /** W3C Trace Context, handed on. */
  readonly traceparent?: string | undefined;
}

/**
 * What is wrong with the options; null where nothing is. A command with malformed headers is answered by nobody, so it
 * is refused before it is sent; all else the vault refuses itself.
 */
export const optionsProblem = ({ timeoutMs, idempotencyKey }: CallOptions): string | null => {
  if (timeoutMs !== undefined && !(Number.isInteger(timeoutMs) && timeoutMs >= 1 && timeoutMs <= MAX_TIMEOUT_MS))
    return `the timeout is not a whole number from 1 to ${MAX_TIMEOUT_MS}`;
  if (idempotencyKey !== undefined && !isIdempotencyKey(idempotencyKey))
    return 'the idempotency key is not 1 to 255 printable ASCII characters';
  return null;
};
