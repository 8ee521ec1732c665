/** What a caller can do about an error. */
export type SuggestedAction =
  | 'fix_request'
  | 'check_engine_key'
  | 'request_grant'
  | 'connect'
  | 'reauth'
  | 'retry'
  | 'contact_operator';

interface ErrorKind {
  readonly http: number;
  readonly action: SuggestedAction;
}

/** The one table of errors: every code, its HTTP status and what the caller can do. */
export const ERRORS = {
  invalid_request: { http: 400, action: 'fix_request' },
  unauthorized_engine: { http: 401, action: 'check_engine_key' },
  forbidden: { http: 403, action: 'request_grant' },
  not_connected: { http: 404, action: 'connect' },
  expired_token: { http: 409, action: 'reauth' },
  account_mismatch: { http: 409, action: 'fix_request' },
  duplicate_request: { http: 409, action: 'fix_request' },
  rate_limited: { http: 429, action: 'retry' },
  refresh_cooling_down: { http: 429, action: 'retry' },
  provider_unavailable: { http: 503, action: 'retry' },
  storage_unavailable: { http: 503, action: 'retry' },
  audit_unavailable: { http: 503, action: 'retry' },
  deadline_exceeded: { http: 504, action: 'retry' },
  provider_misconfigured: { http: 500, action: 'contact_operator' },
  internal: { http: 500, action: 'contact_operator' },
} as const satisfies Record<string, ErrorKind>;

/** Every code that a caller can see. */
export type ErrorCode = keyof typeof ERRORS;

/** Whether `text` is a code of the table. */
export const isErrorCode = (text: string): text is ErrorCode => Object.hasOwn(ERRORS, text);

/** Whether the same request may succeed later. */
export const isRetryable = (code: ErrorCode): boolean => ERRORS[code].action === 'retry';

/** A refusal or failure, as a use case answers it. `message` is for people and never quotes the command. */
export interface Failure {
  readonly code: ErrorCode;
  readonly message: string;
  /** Why, from a closed list, for the audit log. */
  readonly reason?: string;
  readonly retryAfterMs?: number;
}
