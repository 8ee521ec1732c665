import * as z from 'zod';

/**
 * Schemas whose variable can also be given as `<NAME>_FILE`, the path of a file with the value (secrets that Docker and
 * Kubernetes mount).
 */
const mountables = z.registry<{ readonly mountable: true }>();

/** Allows a variable to be read from a file: `VAULT_X`, or `VAULT_X_FILE` with a path. */
export const mountable = <Schema extends z.ZodType>(schema: Schema): Schema => {
  // A clone: `text` and the others are shared with variables that are not mountable.
  const own = schema.clone();
  mountables.add(own, { mountable: true });
  return own;
};

/** Whether `schema` was made {@link mountable}. */
export const isMountable = (schema: z.core.$ZodType): boolean => mountables.has(schema);

/** Non-empty text. */
export const text = z.string('expected text').min(1, 'expected text');

/** `true` or `false`, as a boolean. */
export const flag = z.enum(['true', 'false'], 'expected true or false').transform((value) => value === 'true');

/** A decimal integer between `min` and `max`, as a number. */
export const wholeNumber = (min: number, max: number) => {
  const expected = `expected a whole number from ${min} to ${max}`;
  return z
    .string(expected)
    .regex(/^-?\d{1,15}$/, expected)
    .transform(Number)
    .refine((value) => value >= min && value <= max, expected);
};

/** One of `values`. */
export const oneOf = <const Values extends readonly [string, ...string[]]>(...values: Values) =>
  z.enum(values, `expected one of ${values.join(', ')}`);

/** An absolute URL with one of `schemes` (`http`, `https`, …), as text without a trailing slash. */
export const url = (...schemes: readonly [string, ...string[]]) => {
  const expected = `expected a URL that starts with ${schemes.map((scheme) => `${scheme}://`).join(' or ')}`;
  return z
    .string(expected)
    .refine((value) => URL.canParse(value) && schemes.includes(new URL(value).protocol.slice(0, -1)), expected)
    .transform((value) => value.replace(/\/+$/, ''));
};

/** Texts between `separator`s, each matching `item`; at least one. */
export const list = (separator: string, item: RegExp, expected: string) =>
  z
    .string(expected)
    .transform((value) => value.split(separator).map((entry) => entry.trim()))
    .refine((entries) => entries.every((entry) => item.test(entry)), expected);
