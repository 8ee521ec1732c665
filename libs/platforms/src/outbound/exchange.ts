import type { Cancellation } from '@vault-engine/vault';

/** One HTTP request to a provider. */
export interface OutboundRequest {
  readonly method: 'GET' | 'POST' | 'DELETE';
  readonly url: URL;
  /** The hosts, with port where it is not the scheme's, that this request may go to. */
  readonly allowedHosts: ReadonlySet<string>;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: Buffer | null;
  /**
   * Whether a connection that has been used before may carry it. The provider may be closing such a connection, and then
   * nobody can tell whether it has read the request: only for requests that can be repeated.
   */
  readonly reuse: boolean;
  /** Asked once more right before the request is sent; afterwards it is waited for. */
  readonly cancelled?: Cancellation;
}

/** The provider has not seen one byte of the request: it may be repeated. */
export type NotSentReason =
  | 'host_not_allowed'
  | 'insecure_url'
  | 'address_refused'
  | 'unresolvable'
  | 'unreachable'
  | 'tls_failed'
  | 'timeout'
  | 'cancelled';

/** What became of a request. A body is bounded and whole. */
export type Exchange =
  | {
      readonly kind: 'answered';
      readonly status: number;
      readonly retryAfter: string | null;
      readonly body: Buffer;
    }
  /** The status came, the body did not. */
  | {
      readonly kind: 'cut_short';
      readonly status: number;
      readonly retryAfter: string | null;
      readonly reason: 'answer_too_large' | 'answer_cut' | 'timeout';
    }
  /** The request was written, at least in part, and no answer came: the provider may have acted upon it. */
  | { readonly kind: 'unanswered'; readonly reason: 'connection_cut' | 'answer_malformed' | 'timeout' }
  | { readonly kind: 'not_sent'; readonly reason: NotSentReason };
