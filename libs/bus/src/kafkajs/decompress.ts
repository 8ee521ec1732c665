import { gunzipSync, zstdDecompressSync } from 'node:zlib';

/** The codecs of record batches, by the lowest three bits of their attributes. */
const CODECS = ['none', 'gzip', 'snappy', 'lz4', 'zstd'] as const;
const CODEC_BITS = 0x07;

/** The largest records section that is decompressed, in bytes: a small batch may decompress to a very large one. */
export const MAX_DECOMPRESSED_BYTES = 32 * 1024 * 1024;

/** The name of a batch's codec. */
export const codecOf = (attributes: number): string => CODECS[attributes & CODEC_BITS] ?? 'unknown';

/**
 * Decompresses the records of a batch. Synchronous: batches are bounded by the topic's `max.message.bytes` and by
 * {@link MAX_DECOMPRESSED_BYTES}.
 *
 * @throws where the codec is not supported (snappy, lz4), or the bytes are damaged or too large
 */
export const decompress = (codec: string, bytes: Buffer): Buffer => {
  const limit = { maxOutputLength: MAX_DECOMPRESSED_BYTES };
  switch (codec) {
    case 'gzip':
      return gunzipSync(bytes, limit);
    case 'zstd':
      return zstdDecompressSync(bytes, limit);
    default:
      throw new RangeError(`codec ${codec} is not supported`);
  }
};
