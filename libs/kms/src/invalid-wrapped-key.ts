/**
 * The wrapped bytes are not what was wrapped, or not for this context, or not under this key. Trying again does not
 * help: the row was damaged or tampered with, or belongs to another deployment. The message holds no value.
 */
export class InvalidWrappedKey extends Error {
  override readonly name = 'InvalidWrappedKey';
  constructor(options?: ErrorOptions) {
    super('a wrapped key does not open in its context', options);
  }
}
