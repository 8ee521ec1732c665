import type { Secret } from '@vault-engine/crypto';
import { reveal } from '@vault-engine/crypto/plaintext';
import type { Failure } from '@vault-engine/model';
import { refuse } from '../call.ts';
import type { Credentials } from '../credentials.ts';

/** Metadata stays small, so that the status of all of a user's connections fits into one reply. */
const LIMITS = {
  tokenBytes: 32_768,
  scopes: 256,
  scopeCharacters: 8_192,
  params: 32,
  paramName: 64,
  paramValue: 2_048,
  paramCharacters: 8_192,
  tokenType: 64,
};
/** RFC 6749 appendix A: an access or refresh token is one or more VSCHAR. */
const NOT_VSCHAR = /[^\x20-\x7e]/;
/** RFC 6749 §3.3: a scope token. */
const SCOPE = /^[\x21\x23-\x5b\x5d-\x7e]+$/;
const NAME = /^[A-Za-z0-9._-]+$/;

/** Why credentials can't be stored; null: they can. Messages name fields, never values. */
export const checkCredentials = ({ access, refresh, metadata }: Credentials): Failure | null => {
  const problem =
    tokenProblem('access_token', access) ??
    (refresh === null ? null : tokenProblem('refresh_token', refresh)) ??
    metadataProblem(metadata);
  return problem === null ? null : refuse('invalid_request', problem, 'invalid_field').failure;
};

const tokenProblem = (field: string, secret: Secret): string | null => {
  const bytes = reveal(secret);
  if (bytes.length === 0) return `${field} is empty`;
  if (bytes.length > LIMITS.tokenBytes) return `${field} is longer than ${LIMITS.tokenBytes} bytes`;
  return NOT_VSCHAR.test(bytes.toString('latin1'))
    ? `${field} holds characters that no OAuth token has (RFC 6749, appendix A)`
    : null;
};

const metadataProblem = ({
  tokenType,
  scopes,
  expiresAt,
  refreshExpiresAt,
  params,
}: Credentials['metadata']): string | null => {
  if (!NAME.test(tokenType) || tokenType.length > LIMITS.tokenType) return 'token_type is not a token type';
  if (!isTime(expiresAt)) return 'expires_at is not a time';
  if (!isTime(refreshExpiresAt)) return 'refresh_expires_at is not a time';
  if (scopes.length > LIMITS.scopes) return `more than ${LIMITS.scopes} scopes`;
  if (!scopes.every((scope) => SCOPE.test(scope))) return 'scopes holds what is not a scope (RFC 6749 §3.3)';
  if (scopes.join('').length > LIMITS.scopeCharacters)
    return `scopes has more than ${LIMITS.scopeCharacters} characters`;
  return paramsProblem(Object.entries(params));
};

/** A time is a whole number of milliseconds in the years 1970 to 9999. */
const isTime = (time: number | null): boolean =>
  time === null || (Number.isSafeInteger(time) && time > 0 && time < 253_402_300_800_000);

const paramsProblem = (params: readonly (readonly [string, string])[]): string | null => {
  if (params.length > LIMITS.params) return `more than ${LIMITS.params} params`;
  const wrong = params.some(
    ([name, value]) => !NAME.test(name) || name.length > LIMITS.paramName || value.length > LIMITS.paramValue,
  );
  if (wrong) return 'params holds a name or a value that is too long or malformed';
  const characters = params.flat().join('').length;
  return characters > LIMITS.paramCharacters ? `params has more than ${LIMITS.paramCharacters} characters` : null;
};
