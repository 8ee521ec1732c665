import { brotliCompressSync, deflateRawSync, deflateSync, gzipSync, zstdCompressSync } from 'node:zlib';
import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { decodeBody, MAX_BODY_BYTES } from './decode-body.ts';
import { readBody } from './read-answer.ts';

const TEXT = '{"access_token":"é-token","expires_in":3600}';
const plain = Buffer.from(TEXT);
const decoded = (body: Buffer, encoding: string | null = null) => decodeBody(body, encoding);

const ENCODINGS = [
  ['gzip', gzipSync],
  ['x-gzip', gzipSync],
  ['deflate', deflateSync],
  ['br', brotliCompressSync],
  ['zstd', zstdCompressSync],
] as const;

describe('a body is decoded', () => {
  it.each(ENCODINGS)('from %s with its header', (name, encode) => {
    expect(decoded(encode(plain), name)).toEqual({ ok: true, value: TEXT });
    expect(decoded(encode(plain), name.toUpperCase())).toEqual({ ok: true, value: TEXT });
  });

  it.each(ENCODINGS)('from %s without a header', (_name, encode) => {
    expect(decoded(encode(plain))).toEqual({ ok: true, value: TEXT });
  });

  it.each(ENCODINGS)('with a header of %s that it does not follow, because a proxy has decoded it', (name) => {
    expect(decoded(plain, name)).toEqual({ ok: true, value: TEXT });
  });

  it('from deflate without the header of zlib', () => {
    expect(decoded(deflateRawSync(plain), 'deflate')).toEqual({ ok: true, value: TEXT });
  });

  it('from two encodings, in the order of the header (RFC 9110 §8.4)', () => {
    expect(decoded(gzipSync(brotliCompressSync(plain)), 'br, gzip')).toEqual({ ok: true, value: TEXT });
    expect(decoded(gzipSync(gzipSync(plain)))).toEqual({ ok: true, value: TEXT });
  });

  it.each([null, '', 'identity', 'utf-8', 'none', 'aws-chunked'])('as it is with Content-Encoding %s', (encoding) => {
    expect(decoded(plain, encoding)).toEqual({ ok: true, value: TEXT });
  });

  it('without a byte order mark, in UTF-16 too', () => {
    expect(decoded(Buffer.concat([Buffer.from([0xef, 0xbb, 0xbf]), plain]))).toEqual({ ok: true, value: TEXT });
    const little = Buffer.from(`\ufeff${TEXT}`, 'utf16le');
    expect(decoded(little)).toEqual({ ok: true, value: TEXT });
    expect(decoded(Buffer.from(little).swap16())).toEqual({ ok: true, value: TEXT });
  });
});

describe('a body is refused', () => {
  it.each(ENCODINGS)('when %s decodes to more than the bound, without decoding it whole', (name, encode) => {
    const bomb = encode(Buffer.alloc(16 * MAX_BODY_BYTES));
    const before = process.memoryUsage().rss;
    expect(decoded(bomb, name)).toEqual({ ok: false, reason: 'answer_too_large' });
    expect(process.memoryUsage().rss - before).toBeLessThan(32 * 1024 * 1024);
  });

  it('when it is a truncated gzip', () => {
    expect(decoded(gzipSync(plain).subarray(0, 30))).toEqual({ ok: false, reason: 'answer_unreadable' });
  });
});

it('random bytes with any header give a text or a reason, and never throw', () => {
  const headers = fc.option(fc.oneof(fc.constantFrom('gzip', 'br', 'deflate', 'zstd', 'br,br,br,br'), fc.string()), {
    nil: null,
  });
  const starts = fc.constantFrom([], [0x1f, 0x8b], [0x28, 0xb5, 0x2f, 0xfd], [0x78, 0x9c], [0xff, 0xfe], [0x7b]);
  fc.assert(
    fc.property(starts, fc.uint8Array({ maxLength: 4_096 }), headers, (start, bytes, contentEncoding) => {
      const body = Buffer.concat([Buffer.from(start), bytes]);
      const result = decodeBody(body, contentEncoding);
      const read = readBody({ body, headers: { contentEncoding, wwwAuthenticate: null } }, { json_prefix: null });
      return (!result.ok || typeof result.value === 'string') && (!read.ok || typeof read.value === 'object');
    }),
    { numRuns: 500 },
  );
});
