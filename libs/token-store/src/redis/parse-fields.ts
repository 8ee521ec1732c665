import { BrokenRow, isExactInteger, type RowKind } from '@vault-engine/vault';

/** Hash fields as HMGET returns them, in the order in which a script asks for them. Null: the field is absent. */
export type Fields = readonly (Buffer | null)[];

/** The field, which must be present. */
export const present = (kind: RowKind, field: Buffer | null | undefined): Buffer => {
  if (field === null || field === undefined) throw new BrokenRow(kind, 'a field is missing');
  return field;
};

/**
 * A non-negative integer in decimal. Equal numbers give equal text.
 *
 * @throws RangeError for a negative number, a fraction, or a number beyond `LARGEST_INTEGER`
 */
export const integerText = (value: number): string => {
  if (!isExactInteger(value) || value < 0) throw new RangeError('not an integer from 0 to 2^52 - 1');
  return String(value);
};

/** Reads back {@link integerText}. */
export const parseInteger = (kind: RowKind, field: Buffer | null | undefined): number => {
  const text = present(kind, field).toString('latin1');
  const value = /^(0|[1-9]\d{0,15})$/.test(text) ? Number(text) : Number.NaN;
  if (!isExactInteger(value)) throw new BrokenRow(kind, 'a number does not parse');
  return value;
};

/** The JSON in a field of a record. The parser's own error is dropped, because it quotes its input. */
export const parseJson = (field: Buffer, name: string): unknown => {
  try {
    return JSON.parse(field.toString());
  } catch {
    throw new BrokenRow('record', `${name} is not JSON`);
  }
};

export const isObject = (value: unknown): value is Record<string, unknown> =>
  typeof value === 'object' && value !== null && !Array.isArray(value);
export const isText = (value: unknown): value is string => typeof value === 'string';
export const isWhole = isExactInteger;
export const isWholeOrNull = (value: unknown): value is number | null => value === null || isWhole(value);
