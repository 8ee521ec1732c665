import { randomBytes } from 'node:crypto';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { HEADER, uuidText } from './header-fields.ts';
import { encodeReplyHeaders, parseReplyHeaders } from './reply-headers.ts';

const id = randomBytes(16);
const signature = { kid: '00c0ffee', mac: randomBytes(32) };
const encoded = encodeReplyHeaders(id, 'TokenStored', signature);

describe('reply headers', () => {
  it('are parsed as they were written', () => {
    expect(parseReplyHeaders(encoded)).toEqual({
      ok: true,
      value: { commandId: id, replyType: 'TokenStored', signature },
    });
  });

  it('echo the correlation header unchanged, text or bytes', () => {
    const text = Buffer.from(uuidText(id));
    const headers = encodeReplyHeaders(text, 'TokenStored', signature);
    expect(headers[HEADER.correlationId]).toEqual(text);
    expect(parseReplyHeaders(headers)).toMatchObject({ ok: true, value: { commandId: id } });
  });

  it("tell NestJS's client that the reply is complete", () => {
    expect(encoded['kafka_nest-is-disposed']).toBeDefined();
  });

  it('have a null signature for an unsigned reply', () => {
    const headers = encodeReplyHeaders(id, 'CommandFailed', null);
    expect(parseReplyHeaders(headers)).toMatchObject({ ok: true, value: { signature: null } });
  });

  it.each([HEADER.correlationId, HEADER.replyType])('are refused without %s', (header) => {
    expect(parseReplyHeaders({ ...encoded, [header]: undefined })).toEqual({
      ok: false,
      reason: 'header_missing',
      header,
    });
  });

  const mac = signature.mac.toString('base64url');
  it.each([
    [HEADER.correlationId, 'x'],
    [HEADER.replyType, 'x'],
    [HEADER.vaultMac, ''],
    [HEADER.vaultMac, mac],
    [HEADER.vaultMac, `v2.00c0ffee.${mac}`],
    [HEADER.vaultMac, `v1.00C0FFEE.${mac}`],
    [HEADER.vaultMac, `v1.00c0ffee.${mac.slice(1)}=`],
  ])('are refused with %s as "%s"', (header, value) => {
    expect(parseReplyHeaders({ ...encoded, [header]: Buffer.from(value) })).toEqual({
      ok: false,
      reason: 'header_malformed',
      header,
    });
  });

  it('parse from arbitrary bytes without throwing', () => {
    fc.assert(
      fc.property(fc.constantFrom(...Object.values(HEADER)), fc.uint8Array({ maxLength: 300 }), (name, bytes) => {
        expect(() => parseReplyHeaders({ ...encoded, [name]: Buffer.from(bytes) })).not.toThrow();
      }),
    );
  });
});
