import { LARGEST_INTEGER } from '@vault-engine/model';
import avro from 'avsc';

/**
 * Walks over an Avro body without decoding it. Returns the position after the value that starts at `position`, or -1 where
 * the bytes are not a value of the type.
 *
 * Every body is measured before avsc decodes it, so that time and memory stay proportional to the bytes received: no
 * count or length may exceed the bytes that are left, and every block must have the size that it declares.
 */
export type Measure = (bytes: Buffer, position: number) => number;

const REFUSED = -1;

/** Whether `bytes` hold exactly one value. Nesting deeper than the stack is refused. */
export const holdsOneValue = (measure: Measure, bytes: Buffer): boolean => {
  try {
    return measure(bytes, 0) === bytes.length;
  } catch (error) {
    if (error instanceof RangeError) return false;
    throw error;
  }
};

/** The measure of `type`, which may be recursive. Throws for an unknown type. */
export const measureOf = (type: avro.Type, known: Map<avro.Type, Measure> = new Map()): Measure => {
  const existing = known.get(type);
  if (existing !== undefined) return existing;
  let measure: Measure | null = null;
  known.set(type, (bytes, position) => (measure === null ? REFUSED : measure(bytes, position)));
  measure = compile(type, known);
  known.set(type, measure);
  return measure;
};

const { types } = avro;

const compile = (type: avro.Type, known: Map<avro.Type, Measure>): Measure => {
  if (type instanceof types.RecordType) return sequence(type.fields.map((field) => measureOf(field.type, known)));
  if (type instanceof types.ArrayType) return blocks(measureOf(type.itemsType, known));
  if (type instanceof types.MapType) return blocks(sequence([lengthPrefixed, measureOf(type.valuesType, known)]));
  if (type instanceof types.UnwrappedUnionType || type instanceof types.WrappedUnionType) {
    return choice(type.types.map((branch) => measureOf(branch, known)));
  }
  if (type instanceof types.EnumType) return below(type.symbols.length);
  if (type instanceof types.FixedType) return fixed(type.size);
  if (type instanceof types.LogicalType) return measureOf(type.underlyingType, known);
  const primitive = PRIMITIVES[type.typeName];
  if (primitive === undefined) throw new Error(`no measure for Avro's ${type.typeName}`);
  return primitive;
};

/** The position after the last number read. A module variable, because returning a pair would allocate for each number. */
let after = 0;

/** Reads a varint of at most ten bytes and sets `after`; NaN where there is none. */
const unsigned = (bytes: Buffer, position: number): number => {
  let value = 0;
  let scale = 1;
  for (let index = position; index < position + 10; index += 1) {
    const byte = bytes[index];
    if (byte === undefined) return Number.NaN;
    value += (byte & 0x7f) * scale;
    scale *= 128;
    if (byte < 0x80) {
      after = index + 1;
      return value;
    }
  }
  return Number.NaN;
};

const signed = (bytes: Buffer, position: number): number => {
  const value = unsigned(bytes, position);
  return value % 2 === 0 ? value / 2 : -(value + 1) / 2;
};

const fixed =
  (size: number): Measure =>
  (bytes, position) =>
    position + size <= bytes.length ? position + size : REFUSED;

const int: Measure = (bytes, position) => {
  const value = signed(bytes, position);
  return value >= -0x8000_0000 && value <= 0x7fff_ffff ? after : REFUSED;
};

/**
 * avsc computes zig-zag with doubles, so beyond ±{@link LARGEST_INTEGER} it reads and writes a different number. Such numbers are
 * refused. Microseconds since 1970 stay below the limit until the year 2112.
 */
const long: Measure = (bytes, position) => (unsigned(bytes, position) <= LARGEST_ZIGZAG ? after : REFUSED);

/** The largest zigzag form that a double holds exactly. It stands for -(LARGEST_INTEGER + 1). */
const LARGEST_ZIGZAG = 2 * LARGEST_INTEGER + 1;

const lengthPrefixed: Measure = (bytes, position) => {
  const length = signed(bytes, position);
  return length >= 0 && length <= bytes.length - after ? after + length : REFUSED;
};

const below =
  (limit: number): Measure =>
  (bytes, position) => {
    const index = signed(bytes, position);
    return index >= 0 && index < limit ? after : REFUSED;
  };

const boolean: Measure = (bytes, position) => {
  const byte = bytes[position];
  return byte === 0 || byte === 1 ? position + 1 : REFUSED;
};

const PRIMITIVES: Readonly<Record<string, Measure>> = {
  null: (_bytes, position) => position,
  boolean,
  int,
  long,
  float: fixed(4),
  double: fixed(8),
  bytes: lengthPrefixed,
  string: lengthPrefixed,
};

const sequence =
  (parts: readonly Measure[]): Measure =>
  (bytes, position) => {
    let end = position;
    for (const part of parts) {
      end = part(bytes, end);
      if (end === REFUSED) return REFUSED;
    }
    return end;
  };

const choice =
  (branches: readonly Measure[]): Measure =>
  (bytes, position) => {
    const branch = branches[signed(bytes, position)];
    return branch === undefined ? REFUSED : branch(bytes, after);
  };

/** Avro 1.12, "Arrays": counted blocks up to an empty one; a negative count is followed by the block's size in bytes. */
const blocks =
  (item: Measure): Measure =>
  (bytes, position) => {
    let end = position;
    for (;;) {
      const count = signed(bytes, end);
      end = after;
      if (count === 0) return end;
      const size = count < 0 ? signed(bytes, end) : null;
      if (size !== null) end = after;
      const start = end;
      end = items(item, Math.abs(count), bytes, end);
      if (end === REFUSED || (size !== null && end - start !== size)) return REFUSED;
    }
  };

/** Refuses counts above the remaining bytes. That excludes items of zero bytes, which no schema of this build has. */
const items = (item: Measure, count: number, bytes: Buffer, position: number): number => {
  if (!(count <= bytes.length - position)) return REFUSED;
  let end = position;
  for (let left = count; left > 0 && end !== REFUSED; left -= 1) end = item(bytes, end);
  return end;
};
