import { secretOf } from '@vault-engine/crypto/plaintext';
import type { RefreshedCredentials } from '@vault-engine/vault';
import type { PlatformProfile } from '../profiles/platform-catalog.ts';
import { at, type JsonObject, textAt, textsAt } from '../read-answer.ts';

/** The credentials of a token response, read by a profile. */
export interface ReadCredentials extends Omit<RefreshedCredentials, 'expiresAt' | 'refreshExpiresAt'> {
  /** Seconds; null where the answer states none. */
  readonly expiresIn: number | null;
  readonly refreshExpiresIn: number | null;
}

type Slot = PlatformProfile['response']['slots'][string];

/** RFC 6749 appendix A: one or more VSCHAR. */
const TOKEN = /^[\x20-\x7e]{1,32768}$/;
const TOKEN_TYPE = /^[A-Za-z0-9._-]{1,64}$/;
/** RFC 6749 §3.3. */
const SCOPE = /^[\x21\x23-\x5b\x5d-\x7e]+$/;
const MAX_PARAM = 2_048;
/** Longer than any token lives. Larger values are milliseconds or nonsense, and would make invalid dates. */
const MAX_SECONDS = 20 * 366 * 86_400;

/**
 * The credentials in a successful answer (RFC 6749 §5.1): those of the first slot that has an access token, `main` before
 * others. Null where the answer has no valid access token.
 */
export const readCredentials = (profile: PlatformProfile, body: JsonObject): ReadCredentials | null => {
  const { main, ...others } = profile.response.slots;
  for (const slot of [main, ...Object.values(others)]) {
    const root = slot && at(body, slot.root);
    if (slot && textAt(root, slot.access) !== null) return readSlot(profile, slot, root, body);
  }
  return null;
};

const readSlot = (profile: PlatformProfile, slot: Slot, root: unknown, body: JsonObject): ReadCredentials | null => {
  const tokenType = (slot.token_type === null ? null : textAt(root, slot.token_type)) ?? 'Bearer';
  const access = textAt(root, slot.access) ?? '';
  const refresh = slot.refresh === null ? null : textAt(root, slot.refresh);
  if (!TOKEN.test(access) || !TOKEN.test(refresh ?? access) || !TOKEN_TYPE.test(tokenType)) return null;
  return {
    access: secretOf(Buffer.from(access)),
    refresh: refresh === null ? null : secretOf(Buffer.from(refresh)),
    tokenType,
    scopes: slot.scope === null ? null : scopesOf(at(root, slot.scope), profile.response.scope_separator),
    params: paramsOf(profile, body, [access, refresh]),
    expiresIn: secondsAt(root, slot.expires_in),
    refreshExpiresIn: secondsAt(root, slot.refresh_expires_in),
  };
};

const secondsAt = (root: unknown, paths: string | readonly string[] | null): number | null => {
  const seconds = Number(paths === null ? Number.NaN : textsAt(root, paths)[0]);
  return seconds > 0 && seconds <= MAX_SECONDS ? seconds : null;
};

const scopesOf = (value: unknown, separator: string): readonly string[] | null => {
  const names = typeof value === 'string' ? value.split(separator) : Array.isArray(value) ? value.map(String) : [];
  const scopes = names.map((name) => name.trim()).filter((name) => SCOPE.test(name));
  return scopes.length > 0 ? scopes : null;
};

/** Callers get the parameters, so none of them may be a token. */
const paramsOf = (
  { response }: PlatformProfile,
  body: JsonObject,
  tokens: readonly (string | null)[],
): Readonly<Record<string, string>> =>
  Object.fromEntries(
    Object.entries(response.params).flatMap(([name, path]) => {
      const value = textAt(body, path);
      return value !== null && value.length <= MAX_PARAM && !tokens.includes(value) ? [[name, value]] : [];
    }),
  );
