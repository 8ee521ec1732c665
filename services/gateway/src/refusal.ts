import { VaultError, VaultTimeout } from '@vault-engine/client';
import { ERRORS, type ErrorCode, isErrorCode } from '@vault-engine/vault';

/** How an error is told over HTTP. */
export interface Refusal {
  readonly status: number;
  readonly code: string;
  readonly message: string;
  readonly action: string;
  readonly retryAfterMs: number | null;
}

/** The caller showed no valid credential. Says no more than that: which part is wrong is the auditor's to know. */
export class NotAuthenticated extends Error {
  override readonly name = 'NotAuthenticated';
}

/** How `error` is told. Texts are ours, or the vault's: a parser's quote what they parsed. */
export const refusalOf = (error: unknown): Refusal => {
  // Its own message is for whoever runs the vault.
  if (error instanceof VaultTimeout) return byTable('deadline_exceeded', 'the vault did not answer in time');
  if (error instanceof VaultError) return ofVault(error);
  if (error instanceof NotAuthenticated)
    return byTable('unauthorized_engine', 'X-Engine-ID or X-Engine-Key is missing, wrong, or not valid for HTTP');
  const status = statusOf(error);
  if (status === null) return byTable('internal', 'the request failed unexpectedly');
  return malformed(status, problemsOf(error) ?? BODY_FAULTS[codeOf(error)] ?? MESSAGES[status] ?? MALFORMED);
};

const byTable = (code: ErrorCode, message: string): Refusal => {
  const { http: status, action } = ERRORS[code];
  return { status, code, message, action, retryAfterMs: null };
};

/** The body that tells a refusal. */
export const errorBody = ({ code, message, action, retryAfterMs }: Refusal, requestId: string) => ({
  error_code: code,
  message,
  suggested_action: action,
  request_id: requestId,
  ...(retryAfterMs === null ? {} : { retry_after_ms: retryAfterMs }),
});

/** What HTTP itself finds wrong has a status of its own and the code of a bad request. */
const malformed = (status: number, message: string): Refusal => ({
  ...byTable('invalid_request', message),
  status,
});

const ofVault = ({ code, message, suggestedAction: action, retryAfterMs }: VaultError): Refusal => ({
  status: isErrorCode(code) ? ERRORS[code].http : 500,
  code,
  message,
  action,
  retryAfterMs,
});

const MALFORMED = 'the request is malformed';

const MESSAGES: Readonly<Record<number, string>> = {
  400: MALFORMED,
  404: 'there is no such route; /openapi.json lists them',
  405: 'the route does not take this method',
  408: 'the request did not come in time',
  413: 'the body is larger than 256 KiB',
  415: 'the body has to be application/json',
  431: 'the headers are too large',
};

/** What Fastify says of a body that it can't read, by its code. */
const BODY_FAULTS: Readonly<Record<string, string>> = {
  FST_ERR_CTP_EMPTY_JSON_BODY: 'the body is empty',
  FST_ERR_CTP_INVALID_JSON_BODY: 'the body is not JSON',
  FST_ERR_CTP_INVALID_CONTENT_LENGTH: 'the body is not as long as Content-Length says',
};

const codeOf = (error: unknown): string => (error instanceof Error && 'code' in error ? String(error.code) : '');

/** The refusal of what HTTP finds wrong. */
export const malformedAs = (status: number): Refusal => malformed(status, MESSAGES[status] ?? MALFORMED);

/** The status of an error that Fastify threw for a request; null for a fault of ours. */
const statusOf = (error: unknown): number | null =>
  error instanceof Error && 'statusCode' in error && typeof error.statusCode === 'number' && error.statusCode < 500
    ? error.statusCode
    : null;

const MOST_PROBLEMS = 5;
const LONGEST_PROBLEM = 160;

/** What zod found: fields and what was expected there, never what stood there. */
const problemsOf = (error: unknown): string | null => {
  if (!(error instanceof Error) || !('validation' in error) || !Array.isArray(error.validation)) return null;
  return error.validation.slice(0, MOST_PROBLEMS).map(problemOf).join('; ');
};

/** As `fastify-type-provider-zod` tells an issue of zod's. */
interface Problem {
  readonly keyword?: string;
  readonly instancePath?: string;
  readonly message?: string;
  readonly params?: { readonly keys?: readonly string[] };
}

const problemOf = ({ keyword, instancePath = '', message = 'is wrong', params }: Problem): string => {
  const path = instancePath.split('/').slice(1).map(nameOrNot).join('.');
  // zod's own message quotes the names as they came.
  const unknown = (params?.keys ?? []).map((name) => `"${nameOrNot(name)}"`).join(', ');
  const problem = keyword === UNKNOWN_FIELDS ? `unknown fields ${unknown}` : message;
  return `${path === '' ? 'the body' : path}: ${problem}`.slice(0, LONGEST_PROBLEM);
};

const UNKNOWN_FIELDS = 'unrecognized_keys';
/** Names of fields are like this, and places in a list are numbers. */
const NAME = /^(?:[a-z_-]{1,32}|\d{1,4})$/;

/** A name that the caller gave, if it is like one: a form that was sent as JSON has the token itself for a name. */
const nameOrNot = (name: string): string => (name === '' || NAME.test(name) ? name : '…');
