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
  let size = COUNT_BYTES;
  for (const field of fields) size += LENGTH_BYTES + lengthOf(field);
  const out = Buffer.allocUnsafe(size);
  let at = out.writeUInt16BE(fields.length, 0);
  for (const field of fields) {
    const length = write(field, out, at + LENGTH_BYTES);
    out.writeUInt32BE(length, at);
    at += LENGTH_BYTES + length;
  }
  return out;
};

const lengthOf = (field: Field): number => {
  if (typeof field !== 'string') return field.length;
  if (!field.isWellFormed()) throw new RangeError('canon takes well-formed text');
  return Buffer.byteLength(field);
};

const write = (field: Field, out: Buffer, at: number): number => {
  if (typeof field === 'string') return out.write(field, at);
  out.set(field, at);
  return field.length;
};
