import { createCipheriv, createDecipheriv, type KeyObject } from 'node:crypto';

const SUITE = 'aes-256-gcm';

/** Length of a tag. Opening states it too: without `authTagLength`, Node accepts tags that were truncated to 4 bytes. */
export const TAG_BYTES = 16;

/** AES-256-GCM. The pair of `key` and `iv` must never repeat: callers derive the key from a random salt. */
export const gcmSeal = (key: KeyObject, iv: Buffer, aad: Buffer, plaintext: Buffer): readonly [Buffer, Buffer] => {
  const cipher = createCipheriv(SUITE, key, iv, { authTagLength: TAG_BYTES });
  cipher.setAAD(aad);
  const sealed = cipher.update(plaintext);
  cipher.final();
  return [sealed, cipher.getAuthTag()];
};

/** The plaintext, or null where the tag does not match. `sealed` is the ciphertext followed by the tag. */
export const gcmOpen = (key: KeyObject, iv: Buffer, aad: Buffer, sealed: Buffer): Buffer | null => {
  const end = sealed.length - TAG_BYTES;
  const decipher = createDecipheriv(SUITE, key, iv, { authTagLength: TAG_BYTES });
  decipher.setAAD(aad);
  decipher.setAuthTag(sealed.subarray(end));
  const plaintext = decipher.update(sealed.subarray(0, end));
  try {
    decipher.final();
    return plaintext;
  } catch {
    // Only the tag can fail here. Unauthenticated plaintext must not leave this function.
    plaintext.fill(0);
    return null;
  }
};
