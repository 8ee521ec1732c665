import { createSecretKey, type KeyObject, randomBytes } from 'node:crypto';
import { reveal, secretOf } from '@vault-engine/crypto/plaintext';
import { canon, hkdfKey, type Random, type Result, type Secret, sha256 } from '@vault-engine/crypto/wire';
import { isKid, parseBase64url32 } from './header-fields.ts';

/** An engine's credential: `vek1.<kid>.<secret>`. */
export interface Credential {
  /** Identifies the key among the engine's keys: 8 lower-case hex digits, a u32 in a sealed box. */
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

/** The text of a credential. It is shown to the operator once and configured in the engine. A secret: never log it. */
export const revealCredential = ({ kid, secret }: Credential): string =>
  `${SCHEME}.${kid}.${reveal(secret).toString('base64url')}`;

/** Parses a credential. Any text but the canonical one is `malformed`. */
export const parseCredential = (text: string): Result<Credential, 'malformed'> => {
  const [scheme, kid, secretText, ...rest] = text.split('.', 4);
  if (scheme !== SCHEME || kid === undefined || !isKid(kid) || secretText === undefined || rest.length > 0) {
    return { ok: false, reason: 'malformed' };
  }
  const secret = parseBase64url32(secretText);
  return secret === null ? { ok: false, reason: 'malformed' } : { ok: true, value: { kid, secret: secretOf(secret) } };
};

/** SHA-256 of the secret. The gateway finds an HTTP credential by it. 256 random bits need no slow hash. */
export const credentialDigest = ({ secret }: Credential): Buffer => sha256(reveal(secret));

/** The three keys of one credential. Engine and vault hold them; the vault does not keep the credential's secret. */
export interface EngineKeys {
  readonly engine: string;
  readonly kid: string;
  /** Authenticates requests and replies. */
  readonly auth: KeyObject;
  /** Seals tokens from the engine to the vault. */
  readonly c2v: KeyObject;
  /** Seals tokens from the vault to the engine. */
  readonly v2c: KeyObject;
}

const LABEL = 'VE/key/v1';
const SUBKEY_BYTES = 32;

/** Each subkey is `HKDF-SHA256(secret, salt "", info canon("VE/key/v1", name, engine, kid), 32 bytes)`. */
export const deriveEngineKeys = (engine: string, { kid, secret }: Credential): EngineKeys => {
  const root = createSecretKey(reveal(secret));
  const subkey = (name: string): KeyObject => hkdfKey(root, canon(LABEL, name, engine, kid));
  return { engine, kid, auth: subkey('auth'), c2v: subkey('c2v'), v2c: subkey('v2c') };
};

/** The 96 bytes `auth ‖ c2v ‖ v2c`, for wrapping. */
export const exportSubkeys = ({ auth, c2v, v2c }: EngineKeys): Secret => {
  const parts = [auth, c2v, v2c].map((key) => key.export());
  const subkeys = secretOf(Buffer.concat(parts));
  for (const part of parts) part.fill(0);
  return subkeys;
};

/**
 * The keys from the bytes that {@link exportSubkeys} returned.
 *
 * @throws RangeError unless there are 96 bytes
 */
export const importSubkeys = (engine: string, kid: string, subkeys: Secret): EngineKeys => {
  const bytes = reveal(subkeys);
  if (bytes.length !== 3 * SUBKEY_BYTES) throw new RangeError(`three subkeys take ${3 * SUBKEY_BYTES} bytes`);
  const subkey = (index: number): KeyObject =>
    createSecretKey(bytes.subarray(index * SUBKEY_BYTES, (index + 1) * SUBKEY_BYTES));
  return { engine, kid, auth: subkey(0), c2v: subkey(1), v2c: subkey(2) };
};

/** A key id as the number in a sealed box. */
export const kidNumber = (kid: string): number => Number.parseInt(kid, 16);
