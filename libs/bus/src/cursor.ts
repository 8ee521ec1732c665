/** Reads numbers in Kafka's forms. Throws a RangeError beyond the end, and for a number that is not exact in JavaScript. */
export class Cursor {
  readonly bytes: Buffer;
  readonly end: number;
  at: number;

  constructor(bytes: Buffer, at: number, end: number) {
    if (end > bytes.length) throw new RangeError('a part that ends beyond its whole');
    this.bytes = bytes;
    this.at = at;
    this.end = end;
  }

  /** Moves on by so many bytes, and answers where they begin. */
  take(count: number): number {
    const from = this.at;
    this.at += count;
    if (count < 0 || this.at > this.end) throw new RangeError('more than there is');
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

  /** Bytes behind their length; null where that is -1. */
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

  /** So many things as the number ahead of them says; -1 stands for none. */
  list<T>(read: (cursor: Cursor) => T): T[] {
    const items: T[] = [];
    for (let left = this.int32(); left > 0; left -= 1) items.push(read(this));
    return items;
  }
}

/** Throws a RangeError for what is not exact as a number of JavaScript. */
export const safe = (value: number): number => {
  if (!Number.isSafeInteger(value)) throw new RangeError('a number beyond 2^53');
  return value;
};
