/** One field of a canonical encoding: bytes unchanged, text as UTF-8. The caller writes numbers as decimal text. */
export type Field = string | Uint8Array;

const COUNT_BYTES = 2;
const LENGTH_BYTES = 4;
const MAX_FIELDS = 0xffff;

/**
 * The canonical encoding of every MAC input and all associated data:
 *
 *     u16 count ‖ (u32 length ‖ bytes)*          big endian
 *
 * The encoding is injective: two different lists of fields never give the same bytes, so no boundary between two fields
 * can be shifted.
 *
 * @throws RangeError for more than 65,535 fields, and for text with a lone surrogate: such text has no UTF-8 form of its
 * own, so two different texts would encode alike.
 */
export const canon = (...fields: readonly Field[]): Buffer => {
  if (fields.length > MAX_FIELDS) throw new RangeError(`canon takes at most ${MAX_FIELDS} fields`);
  let most = COUNT_BYTES;
  for (const field of fields)
    most += LENGTH_BYTES + (typeof field === 'string' ? UTF8_AT_MOST * field.length : field.length);
  const out = Buffer.allocUnsafe(most);
  out[0] = fields.length >>> 8;
  out[1] = fields.length;
  let at = COUNT_BYTES;
  for (const field of fields) {
    const from = at + LENGTH_BYTES;
    const length = typeof field === 'string' ? writeText(field, out, from) : writeBytes(field, out, from);
    out[at] = length >>> 24;
    out[at + 1] = length >>> 16;
    out[at + 2] = length >>> 8;
    out[at + 3] = length;
    at = from + length;
  }
  return out.subarray(0, at);
};

/** The most UTF-8 bytes that one UTF-16 code unit takes. */
const UTF8_AT_MOST = 3;

const writeBytes = (field: Uint8Array, out: Buffer, at: number): number => {
  out.set(field, at);
  return field.length;
};

/** Nearly all text here is short ASCII. A loop writes it faster than one call of `Buffer.write`. */
const writeText = (field: string, out: Buffer, at: number): number => {
  for (let index = 0; index < field.length; index += 1) {
    const unit = field.charCodeAt(index);
    if (unit > 0x7f) return writeUtf8(field, out, at);
    out[at + index] = unit;
  }
  return field.length;
};

const writeUtf8 = (field: string, out: Buffer, at: number): number => {
  if (!field.isWellFormed()) throw new RangeError('canon takes well-formed text');
  return out.write(field, at);
};
