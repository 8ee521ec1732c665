const MASK = '[secret]';
/** `util.inspect.custom`, which Node registers under this name so that nobody has to import it. */
const INSPECT: unique symbol = Symbol.for('nodejs.util.inspect.custom');

/** Reads what a {@link Secret} holds; assigned by the class itself, the only place that sees the private field. */
let read: (secret: Secret) => Buffer;

/**
 * A plaintext that must not be seen by accident. JSON, string conversion, `util.inspect`, spread, `structuredClone` and
 * `v8.serialize` all miss the value. It is made and read through `@vault-engine/crypto/plaintext` alone, which only the
 * parts inside the plaintext boundary may import.
 */
export class Secret {
  readonly #value: Buffer;
  #wiped = false;

  /** Takes the buffer over: {@link Secret.wipe} zeroes it. */
  constructor(value: Buffer) {
    this.#value = value;
  }

  static {
    read = (secret) => {
      if (secret.#wiped) throw new Error('a wiped secret was read');
      return secret.#value;
    };
  }

  /** Zeroes the plaintext. Reading it afterwards throws; wiping again does nothing. */
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

/** The plaintext itself, not a copy: it is gone once the secret is wiped. */
export const readSecret = (secret: Secret): Buffer => read(secret);
