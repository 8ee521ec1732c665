import type { Secret } from '@vault-engine/crypto';
import { secretOf } from '@vault-engine/crypto/plaintext';
import type { RefreshedCredentials } from '@vault-engine/vault';
import { type AnswerObject, at, textAt } from '../answer/read-answer.ts';
import { jwtExpiry, readExpiry, type StatedExpiry } from '../answer/read-expiry.ts';
import type { PlatformProfile } from '../profiles/platform-catalog.ts';

/** The credentials of a token response, read by a profile. */
export interface ReadCredentials extends Omit<RefreshedCredentials, 'expiresAt' | 'refreshExpiresAt'> {
  readonly expiry: StatedExpiry;
  readonly refreshExpiry: StatedExpiry;
  /** `exp` of a token that is a JWT, Unix milliseconds: an upper bound; null: none. */
  readonly notAfter: number | null;
  readonly refreshNotAfter: number | null;
}

/** Why an access token can't be stored. */
export type AccessTokenFault = 'access_token_missing' | 'access_token_too_long' | 'access_token_invalid';

/** What a token response has. */
export type TokenAnswer =
  | { readonly kind: 'credentials'; readonly credentials: ReadCredentials }
  /** The access token is unusable, and the new refresh token may be the only one that the provider accepts from now on. */
  | {
      readonly kind: 'refresh_token_only';
      readonly reason: AccessTokenFault;
      readonly refresh: Secret;
      readonly refreshExpiry: StatedExpiry;
    }
  | { readonly kind: 'nothing' };

type Slot = PlatformProfile['response']['slots'][string];

const MAX_TOKEN = 32_768;
/** RFC 6749 appendix A: one or more VSCHAR. */
const TOKEN = /^[\x20-\x7e]+$/;
const TOKEN_TYPE = /^[A-Za-z0-9._-]{1,64}$/;
/** RFC 6749 §3.3. */
const SCOPE = /^[\x21\x23-\x5b\x5d-\x7e]+$/;
const MAX_PARAM = 2_048;

/**
 * The credentials in a successful answer (RFC 6749 §5.1): those of the first slot that has an access token, `main` before
 * others. A part that is unusable never discards another.
 *
 * @param askedAt Unix milliseconds of the request.
 */
export const readCredentials = (profile: PlatformProfile, body: AnswerObject, askedAt: number): TokenAnswer => {
  const { main, ...others } = profile.response.slots;
  const slots = [main, ...Object.values(others)].filter((slot) => slot !== undefined);
  const slot =
    slots.find(({ root, access }) => textAt(at(body, root), access) !== null) ??
    slots.find(({ root, refresh }) => refresh !== null && textAt(at(body, root), refresh) !== null);
  return slot === undefined ? { kind: 'nothing' } : readSlot(profile, slot, body, askedAt);
};

const readSlot = (profile: PlatformProfile, slot: Slot, body: AnswerObject, askedAt: number): TokenAnswer => {
  const root = at(body, slot.root);
  const access = textAt(root, slot.access) ?? '';
  const refresh = slot.refresh === null ? null : textAt(root, slot.refresh);
  const fault = faultOf(access);
  const newRefresh = refresh === null || faultOf(refresh) !== null ? null : refresh;
  const refreshExpiry = readExpiry(
    root,
    { relative: slot.refresh_expires_in, absolute: slot.refresh_expires_at },
    askedAt,
  );
  if (fault !== null)
    return newRefresh === null
      ? { kind: 'nothing' }
      : { kind: 'refresh_token_only', reason: fault, refresh: secret(newRefresh), refreshExpiry };
  const tokenType = slot.token_type === null ? null : textAt(root, slot.token_type);
  return {
    kind: 'credentials',
    credentials: {
      access: secret(access),
      refresh: newRefresh === null ? null : secret(newRefresh),
      tokenType: tokenType !== null && TOKEN_TYPE.test(tokenType) ? tokenType : 'Bearer',
      scopes: slot.scope === null ? null : scopesOf(at(root, slot.scope), profile.response.scope_separator),
      params: paramsOf(profile, body, [access, refresh]),
      expiry: readExpiry(root, { relative: slot.expires_in, absolute: slot.expires_at }, askedAt),
      notAfter: jwtExpiry(access, askedAt),
      refreshExpiry,
      refreshNotAfter: newRefresh === null ? null : jwtExpiry(newRefresh, askedAt),
    },
  };
};

const secret = (text: string): Secret => secretOf(Buffer.from(text));

const faultOf = (token: string): AccessTokenFault | null => {
  if (token === '') return 'access_token_missing';
  if (token.length > MAX_TOKEN) return 'access_token_too_long';
  return TOKEN.test(token) ? null : 'access_token_invalid';
};

const scopesOf = (value: unknown, separator: string): readonly string[] | null => {
  const names = typeof value === 'string' ? value.split(separator) : Array.isArray(value) ? value.map(String) : [];
  const scopes = names.map((name) => name.trim()).filter((name) => SCOPE.test(name));
  return scopes.length > 0 ? scopes : null;
};

/** Callers get the parameters, so none of them may be a token. */
const paramsOf = (
  { response }: PlatformProfile,
  body: AnswerObject,
  tokens: readonly (string | null)[],
): Readonly<Record<string, string>> =>
  Object.fromEntries(
    Object.entries(response.params).flatMap(([name, path]) => {
      const value = textAt(body, path);
      return value !== null && value.length <= MAX_PARAM && !tokens.includes(value) ? [[name, value]] : [];
    }),
  );
