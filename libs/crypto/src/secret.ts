/** What a function returns that may refuse for an expected reason. `Reason` is a closed list of tags. */
export type Result<Value, Reason extends string> =
  | { readonly ok: true; readonly value: Value }
  | { readonly ok: false; readonly reason: Reason };

const MASK = '[secret]';
/** `util.inspect.custom`. Node registers the symbol under this name, so no import of `node:util` is needed. */
const INSPECT: unique symbol = Symbol.for('nodejs.util.inspect.custom');

/** Reads the plaintext of a {@link Secret}. The class assigns this function, because only the class sees the private field. */
let read: (secret: Secret) => Buffer;

/**
 * A plaintext that does not leak by accident: JSON, string conversion, `util.inspect`, spread, `structuredClone` and
 * `v8.serialize` do not see the value. Only `@vault-engine/crypto/plaintext` creates and reads secrets, and a lint rule
 * lists the packages that may import it.
 */
export class Secret {
  readonly #value: Buffer;
  #wiped = false;

  /** Takes ownership of the buffer: {@link Secret.wipe} zeroes it. */
  constructor(value: Buffer) {
    this.#value = value;
  }

  static {
    read = (secret) => {
      if (secret.#wiped) throw new Error('a wiped secret was read');
      return secret.#value;
    };
  }

  /** Zeroes the plaintext. A later read throws; a second wipe has no effect. */
  wipe(): void {
    this.#value.fill(0);
    this.#wiped = true;
  }

  toJSON(): string {
    return MASK;
  }

  toString(): string {
    return MASK;
  }

  [Symbol.toPrimitive](): string {
    return MASK;
  }

  [INSPECT](): string {
    return MASK;
  }
}

/** The plaintext itself, not a copy: wiping the secret zeroes it. */
export const readSecret = (secret: Secret): Buffer => read(secret);
