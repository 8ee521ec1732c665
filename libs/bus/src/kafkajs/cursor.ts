/** Reads Kafka's binary types. Throws a RangeError beyond the end, and for a number beyond 2^53. */
export class Cursor {
  readonly bytes: Buffer;
  readonly end: number;
  at: number;

  constructor(bytes: Buffer, at: number, end: number) {
    if (end > bytes.length) throw new RangeError('the length of a part exceeds the response');
    this.bytes = bytes;
    this.at = at;
    this.end = end;
  }

  /** Advances by so many bytes. Returns the index of the first of them. */
  take(count: number): number {
    const from = this.at;
    this.at += count;
    if (count < 0 || this.at > this.end) throw new RangeError('a length exceeds the bytes left');
    return from;
  }

  int8(): number {
    return this.bytes.readInt8(this.take(1));
  }

  int16(): number {
    return this.bytes.readInt16BE(this.take(2));
  }

  int32(): number {
    return this.bytes.readInt32BE(this.take(4));
  }

  int64(): number {
    const from = this.take(8);
    return safe(this.bytes.readInt32BE(from) * 2 ** 32 + this.bytes.readUInt32BE(from + 4));
  }

  /** A zigzag varint of 32 or 64 bits. */
  varint(): number {
    let value = 0;
    let scale = 1;
    for (;;) {
      const byte = this.bytes[this.take(1)] ?? 0;
      value = safe(value + (byte & 0x7f) * scale);
      if (byte < 0x80) return value % 2 === 0 ? value / 2 : -(value + 1) / 2;
      scale *= 128;
    }
  }

  /** Bytes with their length in front; null for the length -1. */
  bytesOrNull(): Buffer | null {
    const length = this.varint();
    if (length === -1) return null;
    const from = this.take(length);
    return this.bytes.subarray(from, this.at);
  }

  text(length: number): string {
    const from = this.take(length);
    return this.bytes.toString('utf8', from, this.at);
  }

  /** Whether the next `length` bytes are these. */
  startsWith(bytes: Buffer, length: number): boolean {
    if (bytes.length !== length || this.at + length > this.end) return false;
    for (let index = 0; index < length; index += 1) if (this.bytes[this.at + index] !== bytes[index]) return false;
    return true;
  }

  /** Items with their count in front; -1 counts as 0. */
  list<T>(read: (cursor: Cursor) => T): T[] {
    const items: T[] = [];
    for (let left = this.int32(); left > 0; left -= 1) items.push(read(this));
    return items;
  }
}

/** Throws a RangeError for a number that JavaScript does not represent exactly. */
export const safe = (value: number): number => {
  if (!Number.isSafeInteger(value)) throw new RangeError('a number beyond 2^53');
  return value;
};
