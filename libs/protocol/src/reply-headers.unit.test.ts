import { randomBytes } from 'node:crypto';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { uuidText } from './field-forms.ts';
import { HEADER } from './header-names.ts';
import { encodeReplyHeaders, parseReplyHeaders } from './reply-headers.ts';

const id = randomBytes(16);
const signature = { kid: '00c0ffee', mac: randomBytes(32) };
const encoded = encodeReplyHeaders(id, 'TokenStored', signature);

describe('reply headers', () => {
  it('are read as they were written', () => {
    expect(parseReplyHeaders(encoded)).toEqual({
      ok: true,
      value: { commandId: id, replyType: 'TokenStored', signature },
    });
  });

  it('echo the correlation header as it came, text or bytes', () => {
    const text = Buffer.from(uuidText(id));
    const headers = encodeReplyHeaders(text, 'TokenStored', signature);
    expect(headers[HEADER.correlationId]).toEqual(text);
    expect(parseReplyHeaders(headers)).toMatchObject({ ok: true, value: { commandId: id } });
  });

  it("tell NestJS's client that nothing follows", () => {
    expect(encoded['kafka_nest-is-disposed']).toBeDefined();
  });

  it('say when a reply is not signed', () => {
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

  it('take bytes of any kind without throwing', () => {
    fc.assert(
      fc.property(fc.constantFrom(...Object.values(HEADER)), fc.uint8Array({ maxLength: 300 }), (name, bytes) => {
        expect(() => parseReplyHeaders({ ...encoded, [name]: Buffer.from(bytes) })).not.toThrow();
      }),
    );
  });
});
