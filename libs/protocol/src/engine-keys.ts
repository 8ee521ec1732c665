import { createSecretKey, type KeyObject } from 'node:crypto';
import { canon, hkdfKey, type Secret } from '@vault-engine/crypto';
import { reveal, secretOf } from '@vault-engine/crypto/plaintext';
import type { Credential } from './credential.ts';

/** The keys of one credential. Both ends hold them; the vault never holds the credential's secret. */
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
 * The keys whose {@link exportSubkeys} these bytes are.
 *
 * @throws RangeError for another length.
 */
export const importSubkeys = (engine: string, kid: string, subkeys: Secret): EngineKeys => {
  const bytes = reveal(subkeys);
  if (bytes.length !== 3 * SUBKEY_BYTES) throw new RangeError(`three subkeys have ${3 * SUBKEY_BYTES} bytes`);
  const subkey = (index: number): KeyObject =>
    createSecretKey(bytes.subarray(index * SUBKEY_BYTES, (index + 1) * SUBKEY_BYTES));
  return { engine, kid, auth: subkey(0), c2v: subkey(1), v2c: subkey(2) };
};

/** A key id as a sealed box has it. */
export const kidNumber = (kid: string): number => Number.parseInt(kid, 16);
