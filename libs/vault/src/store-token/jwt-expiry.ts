import type { Secret } from '@vault-engine/crypto';
import { reveal } from '@vault-engine/crypto/plaintext';

/** Later times are nonsense: a time in milliseconds, or a claim of another kind. */
const LATEST_S = 20 * 366 * 86_400;

/**
 * The expiry that an access token states of itself, Unix milliseconds; null: it is no JWT with a plausible `exp` (RFC 7519 §4.1.4).
 * Nothing else of the token is looked at, and no signature: so it may only shorten what is known.
 */
const jwtExpiry = (token: Secret, now: number): number | null => {
  const [, payload, signature, more] = reveal(token).toString('latin1').split('.');
  if (payload === undefined || signature === undefined || more !== undefined) return null;
  try {
    const claims: unknown = JSON.parse(Buffer.from(payload, 'base64url').toString());
    const exp = typeof claims === 'object' && claims !== null && 'exp' in claims ? claims.exp : null;
    if (typeof exp !== 'number' || !(exp > 0) || exp > now / 1_000 + LATEST_S) return null;
    return Math.floor(exp * 1_000);
  } catch {
    return null;
  }
};

/** The earlier of a stated expiry and the token's own. */
export const expiryOf = (stated: number | null, token: Secret, now: number): number | null => {
  const own = jwtExpiry(token, now);
  if (own === null) return stated;
  return stated === null ? own : Math.min(stated, own);
};
