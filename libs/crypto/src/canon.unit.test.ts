import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { canon, type Field } from './canon.ts';

/** Reads an encoding back: that this works for every list of fields is what makes the encoding injective. */
const parse = (bytes: Buffer): Buffer[] => {
  const fields: Buffer[] = [];
  let at = 2;
  for (let left = bytes.readUInt16BE(0); left > 0; left -= 1) {
    const length = bytes.readUInt32BE(at);
    fields.push(bytes.subarray(at + 4, at + 4 + length));
    at += 4 + length;
  }
  expect(at).toBe(bytes.length);
  return fields;
};

const bytesOf = (one: Field): Buffer => (typeof one === 'string' ? Buffer.from(one) : Buffer.from(one));

const field: fc.Arbitrary<Field> = fc.oneof(fc.string({ unit: 'binary' }), fc.uint8Array());

describe('canon', () => {
  it('writes the count, then each field behind its length', () => {
    expect(canon('ab', Buffer.from([0xff]), '').toString('hex')).toBe('0003000000026162' + '00000001ff' + '00000000');
    expect(canon().toString('hex')).toBe('0000');
  });

  it('can be read back, so two different lists never give the same bytes', () => {
    fc.assert(
      fc.property(fc.array(field), (fields) => {
        expect(parse(canon(...fields))).toEqual(fields.map(bytesOf));
      }),
    );
  });

  it('changes when a boundary between fields is moved', () => {
    fc.assert(
      fc.property(fc.uint8Array({ minLength: 1 }), fc.nat(), fc.nat(), (bytes, left, right) => {
        const [a, b] = [left % (bytes.length + 1), right % (bytes.length + 1)];
        fc.pre(a !== b);
        const splitAt = (at: number) => canon(bytes.subarray(0, at), bytes.subarray(at));
        expect(splitAt(a).equals(splitAt(b))).toBe(false);
      }),
    );
  });

  it('distinguishes an empty field from no field, and a nested list from a flat one', () => {
    expect(canon('a', '')).not.toEqual(canon('a'));
    expect(canon(canon('a'), 'b')).not.toEqual(canon('a', 'b'));
  });

  it('reads text as UTF-8', () => {
    expect(canon('ü€😀')).toEqual(canon(Buffer.from('ü€😀', 'utf8')));
  });

  it('refuses text with a lone surrogate', () => {
    expect(() => canon('a\ud800')).toThrow(RangeError);
  });

  it('refuses more fields than its count can hold', () => {
    expect(() => canon(...Array<string>(65_536).fill(''))).toThrow(RangeError);
  });
});
