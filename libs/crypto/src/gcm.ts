import { createCipheriv, createDecipheriv, type KeyObject } from 'node:crypto';

const SUITE = 'aes-256-gcm';

/** Length of a tag. Forced on opening too: Node accepts a tag cut to 4 bytes where the length is not stated. */
export const TAG_BYTES = 16;

/** AES-256-GCM. `key` and `iv` must be fresh for each call: callers derive the key from a random salt. */
export const gcmSeal = (key: KeyObject, iv: Buffer, aad: Buffer, plaintext: Buffer): readonly [Buffer, Buffer] => {
  const cipher = createCipheriv(SUITE, key, iv, { authTagLength: TAG_BYTES });
  cipher.setAAD(aad);
  const sealed = cipher.update(plaintext);
  cipher.final();
  return [sealed, cipher.getAuthTag()];
};

/** The plaintext of ciphertext and tag, or null where the tag is not theirs. */
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
    // The only thing that can fail here is the tag. What was decrypted under it must not be seen.
    plaintext.fill(0);
    return null;
  }
};
