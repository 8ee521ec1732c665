import { type BusRecord, ShortLivedMap } from '@vault-engine/bus/client';
import type { Codec, CommandFailed, CommandName, Decoded } from '@vault-engine/contracts';
import { ERRORS, type SuggestedAction } from '@vault-engine/model';
import { type EngineKeys, HEADER, parseReplyHeaders, type ReplyHead, verifyReply } from '@vault-engine/protocol/client';
import type { Operation } from './operation.ts';
import { VaultError, VaultTimeout } from './vault-error.ts';

/** A request that has been sent. */
export interface Request<Value> {
  readonly requestId: string;
  readonly keys: EngineKeys;
  readonly operation: Operation<Value>;
  /** The input of the reply's MAC, except its type. */
  readonly head: Omit<ReplyHead, 'replyType'>;
  readonly timeoutMs: number;
  readonly signal: AbortSignal | undefined;
}

/** A request that waits for its reply. It is settled once. */
export interface PendingCall extends Request<unknown> {
  readonly resolve: (value: unknown) => void;
  readonly reject: (reason: unknown) => void;
}

/** The vault sends at most one unsigned notice a second per engine, so a notice applies to the requests around it. */
const NOTICE_APPLIES_FOR_MS = 1_000;

/**
 * Pending requests by the 16 bytes of their command id. Each has its own timer. Node keeps timers of equal length in one
 * list, so setting and clearing one takes 0.13 µs (measured), which a shared sweep would not improve.
 */
export class PendingCalls {
  readonly #calls = new ShortLivedMap<string, PendingCall>();
  /** When an unsigned notice last questioned each key. */
  readonly #questioned = new Map<string, number>();

  /** Waits for the reply to `request` until its timeout, or until its signal is aborted. */
  wait<Value>(request: Request<Value>): Promise<Value> {
    const { promise, resolve, reject } = Promise.withResolvers<Value>();
    const key = keyOf(request.head.commandId);
    const { signal, timeoutMs } = request;
    const startedAt = performance.now();
    const end = (): void => {
      this.#calls.delete(key);
      clearTimeout(timer);
      signal?.removeEventListener('abort', abort);
    };
    const abort = (): void => {
      end();
      reject(signal?.reason);
    };
    const timer = setTimeout(() => {
      end();
      reject(this.#timeout(request, startedAt));
    }, timeoutMs);
    signal?.addEventListener('abort', abort);
    this.#calls.set(key, {
      ...request,
      resolve: (value) => {
        end();
        resolve(value as Value); // read from the reply by this request's own operation
      },
      reject: (reason) => {
        end();
        reject(reason);
      },
    });
    return promise;
  }

  /** The pending request with this command id; undefined where there is none. */
  get(correlation: Buffer): PendingCall | undefined {
    return this.#calls.get(keyOf(correlation));
  }

  /** Notes that an unsigned notice called the credential of this request invalid. */
  question({ keys }: PendingCall): void {
    this.#questioned.set(keys.kid, performance.now());
  }

  /** Notes that the vault replied under the key of this request, so the key is valid. */
  vindicate({ keys }: PendingCall): void {
    this.#questioned.delete(keys.kid);
  }

  rejectAll(reason: Error): void {
    for (const call of this.#calls.values()) call.reject(reason);
  }

  #timeout({ keys, operation, requestId, timeoutMs }: Request<unknown>, startedAt: number): VaultTimeout {
    const questionedAt = this.#questioned.get(keys.kid) ?? Number.NEGATIVE_INFINITY;
    const what = `no reply to ${operation.command} within ${timeoutMs} ms`;
    return new VaultTimeout(what, questionedAt >= startedAt - NOTICE_APPLIES_FOR_MS, { requestId });
  }
}

const keyOf = (commandId: Buffer): string => commandId.toString('latin1');

/** The correlation header of a record; undefined where absent. */
export const correlationOf = ({ headers }: BusRecord): Buffer | undefined => headers[HEADER.correlationId];

/** The result of verifying a record of the reply topic against the request with its correlation id. */
export type Verified =
  | { readonly kind: 'reply'; readonly head: ReplyHead; readonly value: Buffer }
  /** Unsigned: it proves nothing. */
  | { readonly kind: 'notice' }
  | { readonly kind: 'foreign'; readonly reason: 'malformed' | 'another_key' | 'another_type' | 'wrong_mac' };

/** Verifies that `record` is the authenticated reply to `call`, by key, type and MAC. */
export const verify = (call: PendingCall, { headers: fields, value }: BusRecord): Verified => {
  const headers = parseReplyHeaders(fields);
  if (!headers.ok || value === null) return { kind: 'foreign', reason: 'malformed' };
  const { replyType, signature } = headers.value;
  if (signature === null) return { kind: 'notice' };
  if (signature.kid !== call.keys.kid) return { kind: 'foreign', reason: 'another_key' };
  if (replyType !== call.operation.reply && replyType !== 'CommandFailed')
    return { kind: 'foreign', reason: 'another_type' };
  const head = { ...call.head, replyType };
  if (!verifyReply(call.keys, head, value, signature.mac)) return { kind: 'foreign', reason: 'wrong_mac' };
  return { kind: 'reply', head, value };
};

/** Settles `call` with an authenticated reply. Returns false where the value does not match the headers. */
export const endBy = (call: PendingCall, head: ReplyHead, decoded: Decoded): boolean => {
  if (!decoded.ok || decoded.name !== head.replyType) return false;
  if (decoded.name === 'CommandFailed') {
    call.reject(failureOf(decoded.value, call.requestId));
    return true;
  }
  const value = call.operation.read(decoded, { keys: call.keys, head });
  if (value === null) return false;
  call.resolve(value);
  return true;
};

/** An unknown code is handled by its suggested action (PROTOCOL.md, section 8). */
const failureOf = (record: CommandFailed, requestId: string): VaultError =>
  new VaultError(record.error_code, record.message, {
    requestId,
    retryAfterMs: record.retry_after_ms,
    suggestedAction: isAction(record.suggested_action) ? record.suggested_action : 'contact_operator',
  });

const ACTIONS: ReadonlySet<string> = new Set(Object.values(ERRORS).map(({ action }) => action));
const isAction = (text: string): text is SuggestedAction => ACTIONS.has(text);

/** The codec of a caller. It encodes commands; replies need no look-up if it was opened with their types. */
export type CallerCodec = Codec<CommandName>;
