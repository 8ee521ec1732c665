import { createSecretKey, type KeyObject } from 'node:crypto';

/** Bytes of a data key's id. */
export const KID_BYTES = 16;

/** A sealed record whose key has been derived and whose commitment has been verified. As secret as its data key. */
export interface UnlockedRecord {
  readonly key: KeyObject;
  readonly aad: Buffer;
  readonly ciphertext: Buffer;
}

/** An unlocked record and the object that it was unlocked for. */
interface CachedRecord {
  readonly of: object;
  readonly record: UnlockedRecord;
}

/** A user's data key with a cache of the records that were unlocked under it. Both leave memory together. */
export class DataKey {
  /** 16 random bytes that identify the key. */
  readonly kid: Buffer;
  readonly key: KeyObject;
  #used = false;
  #cached: Map<string, CachedRecord> | undefined;

  constructor(kid: Buffer, key: KeyObject) {
    this.kid = kid;
    this.key = key;
  }

  /** The record cached for `slot`, if it was unlocked for the same object `of`. */
  recall(slot: string, of: object): UnlockedRecord | undefined {
    const cached = this.#cached?.get(slot);
    return cached?.of === of ? cached.record : undefined;
  }

  /**
   * Caches the record that was unlocked for `of`, replacing the one cached for `slot`, from the second call on. Where more
   * users are served than keys are cached, each key is used once: caching for it would only create garbage that V8
   * collects late.
   */
  keep(slot: string, of: object, record: UnlockedRecord): void {
    if (this.#used) {
      this.#cached ??= new Map();
      this.#cached.set(slot, { of, record });
    }
    this.#used = true;
  }
}

/**
 * A data key from the 32 bytes that a key wrapper returned. The bytes are copied: the caller wipes its own buffer.
 *
 * @throws RangeError where the id has not 16 bytes or the key not 32
 */
export const dataKey = (kid: Buffer, plaintext: Buffer): DataKey => {
  if (kid.length !== KID_BYTES) throw new RangeError(`a key id has ${KID_BYTES} bytes`);
  if (plaintext.length !== 32) throw new RangeError('a data key has 32 bytes');
  return new DataKey(kid, createSecretKey(plaintext));
};
