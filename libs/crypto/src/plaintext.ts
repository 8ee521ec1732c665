/**
 * Access to plaintext. A lint rule lists the packages that may import this file; all other packages handle
 * {@link Secret}s without reading them.
 */
import { readSecret, Secret } from './secret.ts';

/** Makes a secret of `plaintext` and takes ownership of the buffer: the caller must not use it afterwards. */
export const secretOf = (plaintext: Buffer): Secret => new Secret(plaintext);

/**
 * The plaintext itself, not a copy.
 *
 * @throws Error when the secret has been wiped.
 */
export const reveal = (secret: Secret): Buffer => readSecret(secret);
