import type { PlatformProfile } from '../platform-catalog.ts';
import type { ApplicationFault, RefreshRefusal } from './outcome.ts';

/** What an answer says, apart from tokens. */
export interface AnswerFacts {
  readonly status: number;
  /** The provider's error code; null where it named none. */
  readonly code: string | null;
  /** Whether the answer calls itself an error otherwise, as `ok: false` does. */
  readonly saysNotOk: boolean;
  /** Milliseconds; null: the provider asked for nothing. */
  readonly retryAfterMs: number | null;
}

/** How long to wait where a provider throttles and does not say. */
const DEFAULT_RETRY_AFTER_MS = 60_000;
/** RFC 6749 §5.2; `invalid_grant` and the client's faults are for profiles to list. */
const STANDARD_FAULTS: ReadonlySet<string> = new Set([
  'invalid_request',
  'invalid_scope',
  'unsupported_grant_type',
  'unauthorized_client',
  'invalid_client',
]);

/**
 * What a refusal means; null: the answer is none. A connection is dead by a listed code alone, and never by the word of a
 * server that errs (5xx): that one may be listed or not.
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

const faultReason = (status: number, code: string | null): ApplicationFault['reason'] => {
  if (status >= 300 && status < 400) return 'redirected';
  if (code === null) return 'unexplained_refusal';
  return STANDARD_FAULTS.has(code) ? 'request_refused' : 'unknown_error';
};

const knownCode = (code: string | null, errors: PlatformProfile['errors']): string | null => {
  if (code === null) return null;
  return STANDARD_FAULTS.has(code) || Object.values(errors).some((list) => list.includes(code)) ? code : null;
};
