import { randomBytes } from 'node:crypto';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { type CommandHead, encodeCommandHeaders, parseCommandHeaders, timeoutIn } from './command-headers.ts';
import { HEADER, type HeaderName, uuidText } from './header-fields.ts';

const head: CommandHead = {
  commandId: Buffer.from('00112233445566778899aabbccddeeff', 'hex'),
  commandType: 'StoreToken',
  timeoutMs: 5_000,
  idempotencyKey: null,
  replyTopic: 'vault.replies.action',
  replyPartition: 3,
  sentMs: 1_790_000_000_000,
};
const signature = { engine: 'action', kid: '00c0ffee', mac: randomBytes(32) };
const encoded = encodeCommandHeaders(head, signature);
const parseWith = (name: HeaderName, value: string | Buffer | undefined) =>
  parseCommandHeaders({ ...encoded, [name]: typeof value === 'string' ? Buffer.from(value, 'latin1') : value });

const aHead: fc.Arbitrary<CommandHead> = fc.record({
  commandId: fc.uint8Array({ minLength: 16, maxLength: 16 }).map((bytes) => Buffer.from(bytes)),
  commandType: fc.constantFrom('GetToken', 'ForgetUser'),
  timeoutMs: fc.integer({ min: 1, max: 600_000 }),
  idempotencyKey: fc.option(fc.stringMatching(/^[\x20-\x7e]{1,255}$/)),
  replyTopic: fc.stringMatching(/^[A-Za-z0-9_-]{1,249}$/),
  replyPartition: fc.integer({ min: 0, max: 0xff_ffff }),
  sentMs: fc.integer({ min: 0, max: 999_999_999_999_999 }),
});

describe('parseCommandHeaders', () => {
  it('parses what encodeCommandHeaders writes', () => {
    fc.assert(
      fc.property(aHead, (one) => {
        const parsed = parseCommandHeaders(encodeCommandHeaders(one, signature));
        expect(parsed).toEqual({
          ok: true,
          value: { ...one, ...signature, correlation: one.commandId, traceparent: null },
        });
      }),
    );
  });

  it('parses the text forms that NestJS sends to the same command', () => {
    const text = Buffer.from(uuidText(head.commandId));
    const parsed = parseCommandHeaders({
      ...encoded,
      [HEADER.correlationId]: text,
      [HEADER.replyPartition]: Buffer.from('3'),
    });
    expect(parsed).toEqual({
      ok: true,
      value: { ...head, ...signature, correlation: text, traceparent: null },
    });
  });

  it('distinguishes a partition of four digits from an int32', () => {
    expect(parseWith(HEADER.replyPartition, '1234')).toMatchObject({ ok: true, value: { replyPartition: 1234 } });
    expect(parseWith(HEADER.replyPartition, Buffer.from([0, 0, 4, 210]))).toMatchObject({
      ok: true,
      value: { replyPartition: 1234 },
    });
  });

  it.each([
    HEADER.correlationId,
    HEADER.replyTopic,
    HEADER.replyPartition,
    HEADER.engineId,
    HEADER.engineKey,
    HEADER.commandType,
    HEADER.timeoutMs,
  ])('refuses a command without %s', (header) => {
    expect(parseWith(header, undefined)).toEqual({ ok: false, reason: 'header_missing', header });
  });

  const mac = signature.mac.toString('base64url');
  it.each<[HeaderName, string, string | Buffer]>([
    [HEADER.correlationId, 'empty', ''],
    [HEADER.correlationId, '15 bytes long', Buffer.alloc(15)],
    [HEADER.correlationId, 'an upper-case UUID', '00112233-4455-6677-8899-AABBCCDDEEFF'],
    [HEADER.correlationId, 'a UUID without dashes', '00112233445566778899aabbccddeeff'],
    [HEADER.correlationId, 'a UUID in braces', '{00112233-4455-6677-8899-aabbccddeeff}'],
    [HEADER.replyTopic, 'empty', ''],
    [HEADER.replyTopic, 'a dot', '.'],
    [HEADER.replyTopic, 'two dots', '..'],
    [HEADER.replyTopic, 'longer than Kafka allows', 'a'.repeat(250)],
    [HEADER.replyTopic, 'beyond ASCII', 'vault.replies.\xe9'],
    [HEADER.replyTopic, 'followed by a line break', 'vault.replies.action\n'],
    [HEADER.replyPartition, 'empty', ''],
    [HEADER.replyPartition, 'negative', '-1'],
    [HEADER.replyPartition, 'a negative int32', Buffer.from([255, 255, 255, 255])],
    [HEADER.replyPartition, 'written with leading zeros', '03'],
    [HEADER.replyPartition, 'larger than any', '16777216'],
    [HEADER.replyPartition, 'an int64', Buffer.alloc(8)],
    [HEADER.engineId, 'empty', ''],
    [HEADER.engineId, 'upper case', 'Action'],
    [HEADER.engineId, 'too long', 'a'.repeat(64)],
    [HEADER.engineKey, 'empty', ''],
    [HEADER.engineKey, 'a credential', `vek1.00c0ffee.${mac}`],
    [HEADER.engineKey, 'of another version', `v2.00c0ffee.1.${mac}`],
    [HEADER.engineKey, 'without a time', `v1.00c0ffee..${mac}`],
    [HEADER.engineKey, 'with a negative time', `v1.00c0ffee.-1.${mac}`],
    [HEADER.engineKey, 'with a time in exponents', `v1.00c0ffee.1e9.${mac}`],
    [HEADER.engineKey, 'with a time of 16 digits', `v1.00c0ffee.${'9'.repeat(16)}.${mac}`],
    [HEADER.engineKey, 'with an upper-case kid', `v1.00C0FFEE.1.${mac}`],
    [HEADER.engineKey, 'with a short MAC', `v1.00c0ffee.1.${mac.slice(1)}`],
    [HEADER.engineKey, 'with a padded MAC', `v1.00c0ffee.1.${mac}=`],
    [HEADER.engineKey, 'with a further part', `v1.00c0ffee.1.${mac}.x`],
    [HEADER.commandType, 'empty', ''],
    [HEADER.commandType, 'lower case', 'getToken'],
    [HEADER.commandType, 'too long', 'A'.repeat(65)],
    [HEADER.timeoutMs, 'empty', ''],
    [HEADER.timeoutMs, 'zero', '0'],
    [HEADER.timeoutMs, 'longer than replies are kept', '600001'],
    [HEADER.timeoutMs, 'a fraction', '1.5'],
    [HEADER.timeoutMs, 'padded', ' 5'],
    [HEADER.idempotencyKey, 'empty', ''],
    [HEADER.idempotencyKey, 'too long', 'a'.repeat(256)],
    [HEADER.idempotencyKey, 'a control character', 'a\x00'],
    [HEADER.idempotencyKey, 'beyond ASCII', '\xe9'],
  ])('refuses %s when it is %s', (header, _what, value) => {
    expect(parseWith(header, value)).toEqual({ ok: false, reason: 'header_malformed', header });
  });

  it('parses arbitrary bytes without throwing', () => {
    fc.assert(
      fc.property(fc.constantFrom(...Object.values(HEADER)), fc.uint8Array({ maxLength: 300 }), (name, bytes) => {
        expect(() => parseWith(name, Buffer.from(bytes))).not.toThrow();
      }),
    );
  });

  it('keeps a well-formed traceparent and ignores any other', () => {
    const good = `00-${'a'.repeat(32)}-${'b'.repeat(16)}-01`;
    expect(parseWith(HEADER.traceparent, good)).toMatchObject({ ok: true, value: { traceparent: good } });
    const zeroes = `00-${'0'.repeat(32)}-${'b'.repeat(16)}-01`;
    for (const bad of ['', 'x', `ff${good.slice(2)}`, zeroes, `${good}-x`]) {
      expect(parseWith(HEADER.traceparent, bad)).toMatchObject({ ok: true, value: { traceparent: null } });
    }
  });
});

describe('encodeCommandHeaders', () => {
  it.each<[string, Partial<CommandHead>]>([
    ['a command id of 15 bytes', { commandId: Buffer.alloc(15) }],
    ['no time to answer', { timeoutMs: 0 }],
    ['a timeout longer than replies are kept', { timeoutMs: 600_001 }],
    ['a timeout in fractions', { timeoutMs: 0.5 }],
    ['a negative partition', { replyPartition: -1 }],
    ['a partition that would read as text', { replyPartition: 0x100_0000 }],
    ['an empty idempotency key', { idempotencyKey: '' }],
    ['an idempotency key beyond ASCII', { idempotencyKey: 'é' }],
  ])('throws for %s, which the vault would never answer', (_what, other) => {
    expect(() => encodeCommandHeaders({ ...head, ...other }, signature)).toThrow(RangeError);
  });
});

describe('timeoutIn', () => {
  it('returns the timeout that parseCommandHeaders returns', () => {
    fc.assert(
      fc.property(aHead, (one) => {
        expect(timeoutIn(encodeCommandHeaders(one, signature))).toBe(one.timeoutMs);
      }),
    );
  });

  it.each([undefined, '', '0', '-1', '1.5', '600001'])('is null for %j', (text) => {
    expect(timeoutIn(text === undefined ? {} : { [HEADER.timeoutMs]: Buffer.from(text) })).toBeNull();
  });
});
