import type { RefreshOutcome } from '@vault-engine/vault';
import type { PlatformProfile } from '../profiles/platform-catalog.ts';

/**
 * A refusal: no tokens were issued, and the refresh token is not spent. `code` is the provider's error code, but only one
 * that the profile or RFC 6749 lists: any other is text of the provider, and null here.
 */
export type RefreshRefusal = Exclude<RefreshOutcome, { kind: 'renewed' | 'access_unusable' | 'unknown_outcome' }> & {
  readonly code: string | null;
};

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

/**
 * The meaning of a refusal; null: the answer is no refusal. Only a code that the profile lists makes a grant dead, and never
 * in an answer with status 5xx.
 */
export const classify = (
  { status, code, saysNotOk, retryAfterMs }: AnswerFacts,
  errors: PlatformProfile['errors'],
): RefreshRefusal | null => {
  const lists = (list: readonly string[]): boolean => code !== null && list.includes(code);
  const known = knownCode(code, errors);
  if (status === 429 || lists(errors.throttled))
    return {
      kind: 'throttled',
      reason: 'rate_limited',
      code: known,
      retryAfterMs: retryAfterMs ?? DEFAULT_RETRY_AFTER_MS,
    };
  if (status >= 500 || lists(errors.transient) || status === 408 || status === 425)
    return { kind: 'transient', reason: 'provider_error', code: known, retryAfterMs };
  if (lists(errors.grant_dead)) return { kind: 'grant_dead', reason: 'refused_by_provider', code: known };
  if (lists(errors.app_fault)) return { kind: 'application_fault', reason: 'client_refused', code: known };
  const refused = code !== null || saysNotOk || status < 200 || status >= 300;
  return refused ? { kind: 'application_fault', reason: faultReason(status, code), code: known } : null;
};

type FaultReason = 'request_refused' | 'unknown_error' | 'unexplained_refusal' | 'redirected';

const faultReason = (status: number, code: string | null): FaultReason => {
  if (status >= 300 && status < 400) return 'redirected';
  if (code === null) return 'unexplained_refusal';
  return STANDARD_FAULTS.has(code) ? 'request_refused' : 'unknown_error';
};

const knownCode = (code: string | null, errors: PlatformProfile['errors']): string | null => {
  if (code === null) return null;
  return STANDARD_FAULTS.has(code) || Object.values(errors).some((list) => list.includes(code)) ? code : null;
};
