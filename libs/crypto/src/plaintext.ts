/**
 * The door to plaintext secrets. A lint rule names the packages that may import it; everybody else handles
 * {@link Secret}s without being able to look inside.
 */
import { readSecret, Secret } from './secret.ts';

/** Makes a secret of `plaintext` and takes the buffer over: the caller keeps no use of it. */
export const secretOf = (plaintext: Buffer): Secret => new Secret(plaintext);

/**
 * The plaintext itself, not a copy.
 *
 * @throws Error when the secret has been wiped.
 */
export const reveal = (secret: Secret): Buffer => readSecret(secret);
