/** The reflected polynomial of Castagnoli's CRC (RFC 3720 §12.1), the checksum of Kafka's record batches. */
const POLYNOMIAL = 0x82f63b78;

/** Bytes processed in one step, each with a lookup table of its own. */
const STEP = 8;

/** The `n`th table holds the CRC of a byte followed by `n` zero bytes. */
const TABLES = buildTables();

function buildTables(): Int32Array {
  const tables = new Int32Array(STEP * 256);
  for (let byte = 0; byte < 256; byte += 1) {
    let crc = byte;
    for (let bit = 0; bit < 8; bit += 1) crc = crc & 1 ? (crc >>> 1) ^ POLYNOMIAL : crc >>> 1;
    tables[byte] = crc;
  }
  for (let at = 256; at < tables.length; at += 1) {
    const before = entry(tables, at - 256);
    tables[at] = (before >>> 8) ^ entry(tables, before & 0xff);
  }
  return tables;
}

/** CRC-32C of the bytes from `start` up to, and without, `end`. */
export const crc32c = (bytes: Uint8Array, start = 0, end = bytes.length): number => {
  let crc = -1;
  let at = start;
  for (; at + STEP <= end; at += STEP) {
    const low = crc ^ word(bytes, at);
    const high = word(bytes, at + 4);
    crc =
      entry(TABLES, 0x700 | (low & 0xff)) ^
      entry(TABLES, 0x600 | ((low >>> 8) & 0xff)) ^
      entry(TABLES, 0x500 | ((low >>> 16) & 0xff)) ^
      entry(TABLES, 0x400 | (low >>> 24)) ^
      entry(TABLES, 0x300 | (high & 0xff)) ^
      entry(TABLES, 0x200 | ((high >>> 8) & 0xff)) ^
      entry(TABLES, 0x100 | ((high >>> 16) & 0xff)) ^
      entry(TABLES, high >>> 24);
  }
  for (; at < end; at += 1) crc = entry(TABLES, (crc ^ (bytes[at] ?? 0)) & 0xff) ^ (crc >>> 8);
  return ~crc >>> 0;
};

/** Four bytes, little endian. All indexes are within bounds: the fallbacks, here and below, satisfy the type checker. */
const word = (bytes: Uint8Array, at: number): number =>
  (bytes[at] ?? 0) | ((bytes[at + 1] ?? 0) << 8) | ((bytes[at + 2] ?? 0) << 16) | ((bytes[at + 3] ?? 0) << 24);

/** A function declaration, so that `buildTables` above can call it. */
function entry(tables: Int32Array, at: number): number {
  return tables[at] ?? 0;
}
