import { randomBytes } from 'node:crypto';
import { type Random, type Result, type Secret, sha256 } from '@vault-engine/crypto';
import { reveal, secretOf } from '@vault-engine/crypto/plaintext';
import { isKid, parseBase64url32 } from './field-forms.ts';

/** What an engine proves itself with: `vek1.<kid>.<secret>`. */
export interface Credential {
  /** Names the key among the engine's keys: 8 lower-case hex digits, a u32 in a sealed box. */
  readonly kid: string;
  /** 32 random bytes. */
  readonly secret: Secret;
}

const SCHEME = 'vek1';
const SECRET_BYTES = 32;

/** A fresh credential. */
export const mintCredential = (random: Random = randomBytes): Credential => ({
  kid: random(4).toString('hex'),
  secret: secretOf(random(SECRET_BYTES)),
});

/** The text that is shown to the operator once and given to the engine. It is a secret: never log it. */
export const revealCredential = ({ kid, secret }: Credential): string =>
  `${SCHEME}.${kid}.${reveal(secret).toString('base64url')}`;

/** Reads a credential; anything but its one canonical text is `malformed`. */
export const parseCredential = (text: string): Result<Credential, 'malformed'> => {
  const [scheme, kid, secretText, ...rest] = text.split('.', 4);
  if (scheme !== SCHEME || kid === undefined || !isKid(kid) || secretText === undefined || rest.length > 0) {
    return { ok: false, reason: 'malformed' };
  }
  const secret = parseBase64url32(secretText);
  return secret === null ? { ok: false, reason: 'malformed' } : { ok: true, value: { kid, secret: secretOf(secret) } };
};

/** SHA-256 of the secret, by which the gateway knows an HTTP credential. 256 random bits need no slow hash. */
export const credentialDigest = ({ secret }: Credential): Buffer => sha256(reveal(secret));
