import { createSecretKey, type KeyObject } from 'node:crypto';
import type { UnlockedRecord } from './seal-record.ts';

/** Bytes of a data key's name. */
export const KID_BYTES = 16;

/** What was unlocked, and for what. */
interface Kept {
  readonly of: object;
  readonly record: UnlockedRecord;
}

/** A user's data key, ready for use, and what was unlocked under it: that is as secret as the key, and gone with it. */
export class DataKey {
  /** 16 random bytes that name the key. */
  readonly kid: Buffer;
  readonly key: KeyObject;
  #used = false;
  #kept: Map<string, Kept> | undefined;

  constructor(kid: Buffer, key: KeyObject) {
    this.kid = kid;
    this.key = key;
  }

  /** What was kept last for `place`, if it was unlocked for the very object `of`. */
  recall(place: string, of: object): UnlockedRecord | undefined {
    const kept = this.#kept?.get(place);
    return kept?.of === of ? kept.record : undefined;
  }

  /**
   * Keeps what was unlocked for `of`, in place of what was kept for `place` before; from the second time on. A key that is used
   * once and let go, as each is where more users are served than keys are kept, would only leave behind what is collected late.
   */
  keep(place: string, of: object, record: UnlockedRecord): void {
    if (this.#used) {
      this.#kept ??= new Map();
      this.#kept.set(place, { of, record });
    }
    this.#used = true;
  }
}

/**
 * The data key of 32 bytes that a key wrapper handed out. The bytes are copied: the caller wipes its own.
 *
 * @throws RangeError for another length of either.
 */
export const dataKey = (kid: Buffer, plaintext: Buffer): DataKey => {
  if (kid.length !== KID_BYTES) throw new RangeError(`a key id has ${KID_BYTES} bytes`);
  if (plaintext.length !== 32) throw new RangeError('a data key has 32 bytes');
  return new DataKey(kid, createSecretKey(plaintext));
};
