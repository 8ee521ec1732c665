import { createCipheriv, createDecipheriv, createSecretKey, type KeyObject, randomBytes } from 'node:crypto';
import { canon } from '@vault-engine/crypto';
import type { KeyContext, KeyWrapper } from '@vault-engine/vault';
import { InvalidWrappedKey } from './key-context.ts';
import { createKeyFile, KEY_BYTES, readKeyFile } from './key-file.ts';

/** The key file. */
export interface LocalWrapperOptions {
  /** 32 bytes, mode 0600. */
  readonly keyFile: string;
  /** Creates a missing file. Default false: a lost key file is an error, not a new key that opens nothing. */
  readonly create?: boolean;
}

const VERSION = Buffer.from([1]);
const IV_BYTES = 12;
const TAG_BYTES = 16;
const WRAPPED_BYTES = VERSION.length + IV_BYTES + KEY_BYTES + TAG_BYTES;

/**
 * Wraps under a key in a file. For development on one machine: a reader of the file can unwrap every key.
 *
 *     01 ‖ iv(12) ‖ AES-256-GCM(key, iv, data key, AAD = canon("VE/kms/local/v1", names and values by name)) ‖ tag(16)
 *
 * @throws KeyFileRefused if the file can't be used
 */
export const openLocalWrapper = async ({ keyFile, create = false }: LocalWrapperOptions): Promise<KeyWrapper> => {
  if (create) await createKeyFile(keyFile);
  const bytes = await readKeyFile(keyFile);
  const key = createSecretKey(bytes);
  bytes.fill(0);
  return {
    id: `local:${keyFile}`,
    generate: async (context) => {
      const plaintext = randomBytes(KEY_BYTES);
      return { plaintext, wrapped: wrap(key, plaintext, context) };
    },
    unwrap: async (wrapped, context) => unwrap(key, wrapped, context),
  };
};

const wrap = (key: KeyObject, plaintext: Buffer, context: KeyContext): Buffer => {
  const iv = randomBytes(IV_BYTES);
  const cipher = createCipheriv('aes-256-gcm', key, iv, { authTagLength: TAG_BYTES });
  cipher.setAAD(additionalData(context));
  const sealed = cipher.update(plaintext);
  cipher.final();
  return Buffer.concat([VERSION, iv, sealed, cipher.getAuthTag()]);
};

const unwrap = (key: KeyObject, wrapped: Buffer, context: KeyContext): Buffer => {
  if (wrapped.length !== WRAPPED_BYTES || wrapped[0] !== VERSION[0]) throw new InvalidWrappedKey();
  const sealedAt = VERSION.length + IV_BYTES;
  const iv = wrapped.subarray(VERSION.length, sealedAt);
  const decipher = createDecipheriv('aes-256-gcm', key, iv, { authTagLength: TAG_BYTES });
  decipher.setAAD(additionalData(context));
  decipher.setAuthTag(wrapped.subarray(sealedAt + KEY_BYTES));
  const plaintext = decipher.update(wrapped.subarray(sealedAt, sealedAt + KEY_BYTES));
  try {
    decipher.final();
    return plaintext;
  } catch {
    plaintext.fill(0);
    throw new InvalidWrappedKey();
  }
};

/** Equal contexts give equal bytes, whatever the order of their fields. */
const additionalData = (context: KeyContext): Buffer =>
  canon('VE/kms/local/v1', ...Object.entries(context).toSorted(byName).flat());

const byName = ([left]: readonly [string, string], [right]: readonly [string, string]): number =>
  left < right ? -1 : left > right ? 1 : 0;
