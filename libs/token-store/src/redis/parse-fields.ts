import { BrokenRow } from '../broken-row.ts';

/** The JSON in a field of a record. Without the parser's own error, which quotes its input. */
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
export const isWhole = (value: unknown): value is number => Number.isSafeInteger(value);
