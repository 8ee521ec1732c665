import { VaultError, VaultTimeout } from '@vault-engine/client';
import { ERRORS, type ErrorCode, isErrorCode } from '@vault-engine/vault';
import { BodyRefused } from './parse-json.ts';

/** An error as it is answered over HTTP. */
export interface Refusal {
  readonly status: number;
  readonly code: string;
  readonly message: string;
  readonly action: string;
  readonly retryAfterMs: number | null;
}

/** The caller has no valid credential. The answer does not say which part is wrong; the audit log does. */
export class NotAuthenticated extends Error {
  override readonly name = 'NotAuthenticated';
}

/** The answer to `error`. Its text is the gateway's or the vault's, because a parser's message quotes its input. */
export const refusalOf = (error: unknown): Refusal => {
  // The error's own message is for the operator.
  if (error instanceof VaultTimeout) return byTable('deadline_exceeded', 'the vault did not answer in time');
  if (error instanceof VaultError) return ofVault(error);
  if (error instanceof BodyRefused) return malformed(400, error.message);
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

/** The body of a refusal. */
export const errorBody = ({ code, message, action, retryAfterMs }: Refusal, requestId: string) => ({
  error_code: code,
  message,
  suggested_action: action,
  request_id: requestId,
  ...(retryAfterMs === null ? {} : { retry_after_ms: retryAfterMs }),
});

/** An error of HTTP itself has its own status, and the code `invalid_request`. */
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
  415: 'the body has to be application/json in UTF-8, without a content coding',
  417: 'the expectation is not supported; leave out the header Expect',
  431: 'the headers are too large',
  501: 'the transfer coding is not supported; use chunked, or Content-Length',
};

/** Messages for bodies that Fastify cannot read, by the code of its error. */
const BODY_FAULTS: Readonly<Record<string, string>> = {
  FST_ERR_CTP_EMPTY_JSON_BODY: 'the body is empty',
  FST_ERR_CTP_INVALID_JSON_BODY: 'the body is not JSON',
  FST_ERR_CTP_INVALID_CONTENT_LENGTH: 'the body is not as long as Content-Length says',
};

const codeOf = (error: unknown): string => (error instanceof Error && 'code' in error ? String(error.code) : '');

/** The refusal of an error of HTTP itself. */
export const malformedAs = (status: number): Refusal => malformed(status, MESSAGES[status] ?? MALFORMED);

/** The status of an error that Fastify threw because of the request; null for any other error. */
const statusOf = (error: unknown): number | null =>
  error instanceof Error && 'statusCode' in error && typeof error.statusCode === 'number' && error.statusCode < 500
    ? error.statusCode
    : null;

const MOST_PROBLEMS = 5;
const LONGEST_PROBLEM = 160;

/** The issues that zod found: fields and what is expected there, never the value. */
const problemsOf = (error: unknown): string | null => {
  if (!(error instanceof Error) || !('validation' in error) || !Array.isArray(error.validation)) return null;
  return error.validation.slice(0, MOST_PROBLEMS).map(problemOf).join('; ');
};

/** An issue of zod's, in the form of `fastify-type-provider-zod`. */
interface Problem {
  readonly keyword?: string;
  readonly instancePath?: string;
  readonly message?: string;
  readonly params?: { readonly keys?: readonly string[] };
}

const problemOf = ({ keyword, instancePath = '', message = 'is wrong', params }: Problem): string => {
  const path = instancePath.split('/').slice(1).map(nameOrNot).join('.');
  // zod's own message quotes the names.
  const unknown = (params?.keys ?? []).map((name) => `"${nameOrNot(name)}"`).join(', ');
  const problem = keyword === UNKNOWN_FIELDS ? `unknown fields ${unknown}` : message;
  return `${path === '' ? 'the body' : path}: ${problem}`.slice(0, LONGEST_PROBLEM);
};

const UNKNOWN_FIELDS = 'unrecognized_keys';
/** The form of field names, also in camel case, and of list indices. */
const NAME = /^(?:[a-z_-][A-Za-z_-]{0,31}|\d{1,4})$/;

/** A field name from the request, if it has the form of one: in a form body sent as JSON the token itself is a name. */
const nameOrNot = (name: string): string => (name === '' || NAME.test(name) ? name : '…');
