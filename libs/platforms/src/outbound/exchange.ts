import type { Cancellation } from '@vault-engine/vault';
import type { AnswerHeaders } from '../answer/read-answer.ts';
import { AddressRefused } from './check-addresses.ts';

/** One HTTP request to a provider. */
export interface OutboundRequest {
  readonly method: 'GET' | 'POST' | 'DELETE';
  readonly url: URL;
  /** The hosts that this request may go to, with the port where it is not the scheme's default. */
  readonly allowedHosts: ReadonlySet<string>;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: Buffer | null;
  /**
   * Whether an idle connection may be reused. The provider may be closing it at the same moment, and then it is unknown
   * whether the provider has read the request: only for requests that can be repeated.
   */
  readonly reuse: boolean;
  /** Upper bound of the exchange, milliseconds. Default: the client's. */
  readonly timeoutMs?: number;
  /** Checked right before the request is sent. A request that was sent is not cancelled. */
  readonly cancelled?: Cancellation;
}

/** Why no byte of a request reached the provider: it may be repeated. */
export type NotSentReason =
  | 'host_not_allowed'
  | 'insecure_url'
  | 'address_refused'
  | 'unresolvable'
  | 'unreachable'
  | 'tls_failed'
  | 'timeout'
  | 'cancelled';

/** The result of a request. A body is bounded and complete. */
export type Exchange =
  | {
      readonly kind: 'answered';
      readonly status: number;
      readonly retryAfter: string | null;
      readonly headers: AnswerHeaders;
      /** As it arrived: it may be compressed. */
      readonly body: Buffer;
    }
  /** The status arrived, the whole body did not. */
  | {
      readonly kind: 'cut_short';
      readonly status: number;
      readonly retryAfter: string | null;
      readonly reason: 'answer_too_large' | 'answer_cut' | 'timeout';
    }
  /** The request was written, at least in part, and no answer arrived: the provider may have acted on it. */
  | { readonly kind: 'unanswered'; readonly reason: 'connection_cut' | 'answer_malformed' | 'timeout' }
  | { readonly kind: 'not_sent'; readonly reason: NotSentReason };

const RESOLVER_CODES: ReadonlySet<string> = new Set(['ENOTFOUND', 'EAI_AGAIN', 'EAI_FAIL', 'EAI_NODATA', 'ENODATA']);

/** Why no connection was made. `connected`: TCP succeeded, so TLS failed. */
export const notSentReason = (error: Error | 'timeout', connected: boolean): NotSentReason => {
  if (error === 'timeout') return 'timeout';
  if (error instanceof AddressRefused) return 'address_refused';
  if (connected) return 'tls_failed';
  return RESOLVER_CODES.has(codeOf(error)) ? 'unresolvable' : 'unreachable';
};

/** Node's code of an error; empty where it has none. */
export const codeOf = (error: Error): string => ('code' in error ? String(error.code) : '');
