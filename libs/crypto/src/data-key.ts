import { createSecretKey, type KeyObject } from 'node:crypto';

/** Bytes of a data key's name. */
export const KID_BYTES = 16;

/** A user's data key, ready for use. */
export interface DataKey {
  /** 16 random bytes that name the key. */
  readonly kid: Buffer;
  readonly key: KeyObject;
}

/**
 * The data key of 32 bytes that a key wrapper handed out. The bytes are copied: the caller wipes its own.
 *
 * @throws RangeError for another length of either.
 */
export const dataKey = (kid: Buffer, plaintext: Buffer): DataKey => {
  if (kid.length !== KID_BYTES) throw new RangeError(`a key id has ${KID_BYTES} bytes`);
  if (plaintext.length !== 32) throw new RangeError('a data key has 32 bytes');
  return { kid, key: createSecretKey(plaintext) };
};
