import { secretOf } from '@vault-engine/crypto/plaintext';
import { type AuthorizationServer, type Client, processRefreshTokenResponse } from 'oauth4webapi';
import type { PlatformProfile } from '../platform-catalog.ts';
import { at, type JsonObject, textAt, textsAt } from '../read-json.ts';
import type { Refreshed } from './outcome.ts';

/** What a token response holds, read by a profile. */
export interface ReadCredentials extends Omit<Refreshed, 'kind' | 'expiresAt' | 'refreshExpiresAt'> {
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
/** Longer than any token lives; guards against milliseconds and nonsense, which would make dates that are none. */
const MAX_SECONDS = 20 * 366 * 86_400;

/**
 * The credentials in a successful answer: the first slot that holds an access token, `main` before others. It is written as
 * RFC 6749 §5.1 has it and read by oauth4webapi. Null where the answer has no access token or is otherwise no answer.
 */
export const readCredentials = async (profile: PlatformProfile, body: JsonObject): Promise<ReadCredentials | null> => {
  const { main, ...others } = profile.response.slots;
  for (const slot of [main, ...Object.values(others)]) {
    const root = slot && at(body, slot.root);
    if (slot && textAt(root, slot.access) !== null) return readSlot(profile, slot, root, body);
  }
  return null;
};

const readSlot = async (
  profile: PlatformProfile,
  slot: Slot,
  root: unknown,
  body: JsonObject,
): Promise<ReadCredentials | null> => {
  const tokenType = (slot.token_type === null ? null : textAt(root, slot.token_type)) ?? 'Bearer';
  const access = textAt(root, slot.access) ?? '';
  const refresh = slot.refresh === null ? null : textAt(root, slot.refresh);
  const standard = {
    access_token: access,
    token_type: tokenType,
    ...(refresh !== null && { refresh_token: refresh }),
  };
  if (![access, refresh ?? access].every((token) => TOKEN.test(token)) || !TOKEN_TYPE.test(tokenType)) return null;
  if (!(await isTokenResponse(standard, tokenType))) return null;
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

const SERVER: AuthorizationServer = { issuer: 'https://any.invalid' };
const CLIENT: Client = { client_id: 'any' };

const isTokenResponse = async (standard: JsonObject, tokenType: string): Promise<boolean> => {
  try {
    // The vault hands tokens on and does not use them: every type that a provider names is recognised.
    const recognizedTokenTypes = { [tokenType.toLowerCase()]: () => undefined };
    await processRefreshTokenResponse(SERVER, CLIENT, Response.json(standard), { recognizedTokenTypes });
    return true;
  } catch {
    return false;
  }
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

/** Callers get the parameters: none of them is a token. */
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
