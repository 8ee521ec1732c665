declare const brand: unique symbol;

/** A sealed record. Only sealing makes one, and a store that gives back what it was given. */
export type Ciphertext = Buffer & { readonly [brand]: 'Ciphertext' };

/** For adapters that read a store: says that these bytes are what was sealed. Opening them finds out whether it is so. */
export const ciphertext = (bytes: Buffer): Ciphertext => bytes as Ciphertext;
