import { ShortLivedMap } from '@vault-engine/bus';
import type { EngineKeys, ReplyHead } from '@vault-engine/protocol';
import type { Operation } from './operation.ts';
import { VaultTimeout } from './vault-error.ts';

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
