import { brotliDecompressSync, gunzipSync, inflateRawSync, inflateSync, zstdDecompressSync } from 'node:zlib';
import type { Result } from '@vault-engine/crypto';

/** Why a body has no text. */
export type UnreadableBody = 'answer_too_large' | 'answer_unreadable';

/** Upper bound of a decoded body. An answer as it arrives has the same bound. */
export const MAX_BODY_BYTES = 1024 * 1024;
/** Some servers compress what a proxy behind them has compressed. */
const MAX_LAYERS = 3;

/**
 * The text of a body. Requests ask for `identity`, but some servers and proxies compress nevertheless, with or without a
 * `Content-Encoding` (RFC 9110 §8.4). The first bytes decide where they can (gzip, zstd, zlib); the header decides otherwise.
 * A header for an encoding that the body does not have is ignored: a proxy has decoded the body already. A byte order mark
 * is removed; one of UTF-16 chooses that encoding.
 */
export const decodeBody = (body: Buffer, contentEncoding: string | null): Result<string, UnreadableBody> => {
  const named = (contentEncoding ?? '')
    .toLowerCase()
    .split(',')
    .map((name) => name.trim());
  let bytes = body;
  for (let layer = 0; layer < MAX_LAYERS; layer += 1) {
    const decoded = decodeLayer(bytes, named.at(-1 - layer) ?? '');
    if (!decoded.ok) return decoded;
    if (decoded.value === null) break;
    bytes = decoded.value;
  }
  return { ok: true, value: textOf(bytes) };
};

type Decoder = (bytes: Buffer, options: { readonly maxOutputLength: number }) => Buffer;

/** One encoding less; null where there is none. */
const decodeLayer = (bytes: Buffer, named: string): Result<Buffer | null, UnreadableBody> => {
  const recognised = DECODERS.find(({ magic }) => magic?.(bytes));
  if (recognised) return attempt(bytes, [recognised.decode], recognised.isCertain ? 'answer_unreadable' : null);
  const byHeader = DECODERS.filter(({ names }) => names.includes(named)).map(({ decode }) => decode);
  if (byHeader.length > 0) return attempt(bytes, byHeader, null);
  // Brotli has no magic bytes. Text is never tried, so that no plain answer pays for it.
  return isText(bytes) ? { ok: true, value: null } : attempt(bytes, [brotliDecompressSync], null);
};

/** Tries `decoders` in order. `failure`: the reason where all fail; null: the bytes are not encoded after all. */
const attempt = (
  bytes: Buffer,
  decoders: readonly Decoder[],
  failure: UnreadableBody | null,
): Result<Buffer | null, UnreadableBody> => {
  for (const decode of decoders)
    try {
      return { ok: true, value: decode(bytes, { maxOutputLength: MAX_BODY_BYTES }) };
    } catch (error) {
      if (error instanceof RangeError) return { ok: false, reason: 'answer_too_large' };
    }
  return failure === null ? { ok: true, value: null } : { ok: false, reason: failure };
};

const startsWith =
  (...prefix: readonly number[]) =>
  (bytes: Buffer): boolean =>
    prefix.every((byte, index) => bytes[index] === byte);

/** RFC 1950 §2.2: deflate with a window of 32 KiB, and a header that is a multiple of 31. */
const isZlib = (bytes: Buffer): boolean => bytes[0] === 0x78 && bytes.length > 1 && bytes.readUInt16BE() % 31 === 0;

/** The encodings by name and first bytes. `isCertain`: no text begins with these bytes. */
const DECODERS: readonly {
  readonly names: readonly string[];
  readonly magic?: (bytes: Buffer) => boolean;
  readonly isCertain?: boolean;
  readonly decode: Decoder;
}[] = [
  { names: ['gzip', 'x-gzip'], magic: startsWith(0x1f, 0x8b), isCertain: true, decode: gunzipSync },
  { names: ['zstd'], magic: startsWith(0x28, 0xb5, 0x2f, 0xfd), isCertain: true, decode: zstdDecompressSync },
  { names: ['deflate'], magic: isZlib, decode: inflateSync },
  // Some servers send `deflate` without the header of zlib.
  { names: ['deflate'], decode: inflateRawSync },
  { names: ['br'], decode: brotliDecompressSync },
];

const strictUtf8 = new TextDecoder('utf-8', { fatal: true });

const isText = (bytes: Buffer): boolean => {
  if (startsWith(0xff, 0xfe)(bytes) || startsWith(0xfe, 0xff)(bytes)) return true;
  try {
    strictUtf8.decode(bytes);
    return true;
  } catch {
    return false;
  }
};

/** `TextDecoder` removes the byte order mark. */
const textOf = (bytes: Buffer): string => {
  if (startsWith(0xff, 0xfe)(bytes)) return new TextDecoder('utf-16le').decode(bytes);
  if (startsWith(0xfe, 0xff)(bytes)) return new TextDecoder('utf-16be').decode(bytes);
  return new TextDecoder().decode(bytes);
};
