/** A part of a canonical encoding: bytes as they are, text as UTF-8. Numbers are written in decimal by the caller. */
export type Field = string | Uint8Array;

const COUNT_BYTES = 2;
const LENGTH_BYTES = 4;
const MAX_FIELDS = 0xffff;

/**
 * The canonical encoding that everything authenticated goes through:
 *
 *     u16 count ‖ (u32 length ‖ bytes)*          big endian
 *
 * It is injective: two different lists of fields never give the same bytes, so no boundary between fields can be moved.
 *
 * @throws RangeError for more than 65,535 fields, and for text with a lone surrogate (which has no UTF-8 of its own, so
 * that two texts would read the same).
 */
export const canon = (...fields: readonly Field[]): Buffer => {
  if (fields.length > MAX_FIELDS) throw new RangeError(`canon takes ${MAX_FIELDS} fields at most`);
  let most = COUNT_BYTES;
  for (const field of fields)
    most += LENGTH_BYTES + (typeof field === 'string' ? UTF8_AT_MOST * field.length : field.length);
  const out = Buffer.allocUnsafe(most);
  out[0] = fields.length >>> 8;
  out[1] = fields.length;
  let at = COUNT_BYTES;
  for (const field of fields) {
    const length = write(field, out, at + LENGTH_BYTES);
    out[at] = length >>> 24;
    out[at + 1] = length >>> 16;
    out[at + 2] = length >>> 8;
    out[at + 3] = length;
    at += LENGTH_BYTES + length;
  }
  return out.subarray(0, at);
};

/** Bytes of UTF-8 for one unit of a string. */
const UTF8_AT_MOST = 3;

const write = (field: Field, out: Buffer, at: number): number => {
  if (typeof field !== 'string') {
    out.set(field, at);
    return field.length;
  }
  if (!field.isWellFormed()) throw new RangeError('canon takes well-formed text');
  return out.write(field, at);
};
