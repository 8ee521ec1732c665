import type { FailedRefresh } from '@vault-engine/vault';
import type { PlatformProfile } from '../profiles/platform-catalog.ts';

/** The facts of an answer that decide what it means, without its tokens. */
export interface AnswerFacts {
  readonly status: number;
  /** The provider's error code; null where the answer has none. */
  readonly code: string | null;
  /** Whether the answer is an error by another field, e.g. `ok: false`. */
  readonly saysNotOk: boolean;
  /** Milliseconds; null: the answer has no `Retry-After`. */
  readonly retryAfterMs: number | null;
}

/** The wait where a provider throttles without `Retry-After`. */
const DEFAULT_RETRY_AFTER_MS = 60_000;
/** Codes of RFC 6749 §5.2 that are the application's fault unless the profile lists them otherwise. */
const STANDARD_FAULTS: ReadonlySet<string> = new Set([
  'invalid_request',
  'invalid_scope',
  'unsupported_grant_type',
  'unauthorized_client',
  'invalid_client',
]);
/** Codes with which a provider says of itself that it has done nothing, in an answer with status 5xx too. */
const STANDARD_WORDS: ReadonlySet<string> = new Set([...STANDARD_FAULTS, 'invalid_grant', 'temporarily_unavailable']);
/** An error code in words, such as `token_expired`: too short and too plain for a token or an address. */
const WORDS = /^(?=.{1,48}$)[a-z]+(_[a-z]+)+$/;

/**
 * What a refusal says and who sent it; null: the answer is no refusal.
 *
 * | status | error code | sent by | says |
 * |---|---|---|---|
 * | 429 | any | provider | throttled: a rate limit is checked before tokens are issued |
 * | any | listed in the profile's `errors` | provider | what the list says; but never `grant_dead` with 5xx |
 * | 5xx | one of RFC 6749 §5.2, or `temporarily_unavailable` (§4.1.2.1) | provider | transient |
 * | 5xx | none, or any other (`server_error`) | front | transient |
 * | 408, 425 | none | front | transient |
 * | 3xx | any | front | application fault: the URL is wrong, or a gateway asks for a log-in |
 * | 2xx, 4xx | any | provider | application fault: the code says what, if it is one of RFC 6749 §5.2 |
 * | 2xx | none, but the profile's `ok_path` is not true | provider | application fault |
 * | 4xx | none (HTML, text) | front | application fault |
 *
 * A gateway may answer after the provider has issued tokens (502, 504, 524), so what `front` says proves nothing of the refresh
 * token.
 */
export const classify = (facts: AnswerFacts, errors: PlatformProfile['errors']): FailedRefresh | null => {
  const { status, code, saysNotOk, retryAfterMs } = facts;
  const lists = (list: readonly string[]): boolean => code !== null && list.includes(code);
  const isListed = Object.values(errors).some(lists);
  const isStandard = code !== null && STANDARD_WORDS.has(code);
  const failed = (
    answeredBy: 'provider' | 'front',
    says: FailedRefresh['says'],
    reason: FailedRefresh['reason'],
  ): FailedRefresh => ({
    kind: 'failed',
    answeredBy,
    says,
    reason,
    status,
    code: code !== null && (isListed || WORDS.test(code)) ? code : null,
    retryAfterMs: says === 'throttled' ? (retryAfterMs ?? DEFAULT_RETRY_AFTER_MS) : retryAfterMs,
  });
  if (status === 429 || lists(errors.throttled)) return failed('provider', 'throttled', 'rate_limited');
  if (status >= 500) return failed(isListed || isStandard ? 'provider' : 'front', 'transient', 'provider_error');
  if (lists(errors.transient)) return failed('provider', 'transient', 'provider_error');
  if (lists(errors.grant_dead)) return failed('provider', 'grant_dead', 'refused_by_provider');
  if (lists(errors.app_fault)) return failed('provider', 'application_fault', 'client_refused');
  if (status === 408 || status === 425)
    return failed(code === null ? 'front' : 'provider', 'transient', 'provider_error');
  if (status >= 300 && status < 400) return failed('front', 'application_fault', 'redirected');
  if (code !== null)
    return failed('provider', 'application_fault', STANDARD_FAULTS.has(code) ? 'request_refused' : 'unknown_error');
  if (status >= 200 && status < 300)
    return saysNotOk ? failed('provider', 'application_fault', 'unexplained_refusal') : null;
  return failed('front', 'application_fault', 'unexplained_refusal');
};
