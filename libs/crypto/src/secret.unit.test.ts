import { inspect } from 'node:util';
import { deserialize, serialize } from 'node:v8';
import { describe, expect, it } from 'vitest';
import { reveal, secretOf } from './plaintext.ts';

const CANARY = 'canary-4f1d';

describe('Secret', () => {
  const secret = secretOf(Buffer.from(CANARY));
  const around = { nested: [secret] };

  it.each<[string, () => unknown]>([
    ['JSON', () => JSON.stringify(around)],
    ['inspect', () => inspect(around, { depth: 9, showHidden: true, getters: true })],
    ['inspect without custom inspection', () => inspect(around, { depth: 9, showHidden: true, customInspect: false })],
    ['spread', () => JSON.stringify({ ...secret }) + inspect({ ...secret })],
    ['structuredClone', () => inspect(structuredClone(secret), { showHidden: true })],
    ['v8.serialize', () => serialize(around).toString('latin1') + inspect(deserialize(serialize(around)))],
    ['String()', () => String(secret)],
    ['a template', () => `${secret}`],
    ['concatenation', () => `token ${secret}`.concat(String(secret))],
    ['an error message', () => inspect(new Error(`failed for ${secret}`, { cause: secret }))],
    ['own keys', () => Reflect.ownKeys(secret).join() + Object.values(secret).join()],
  ])('does not leak through %s', (_name, leak) => {
    const seen = String(leak());
    expect(seen).not.toContain(CANARY);
    expect(seen).not.toContain(Buffer.from(CANARY).toString('hex').slice(0, 8));
    expect(seen).not.toContain('99, 97, 110');
  });

  it('prints as [secret]', () => {
    expect(JSON.stringify({ secret })).toBe('{"secret":"[secret]"}');
    expect(Number(secret)).toBeNaN();
  });

  it('gives its plaintext to `reveal`', () => {
    expect(reveal(secret).toString()).toBe(CANARY);
  });

  it('zeroes its buffer when wiped, and throws when read afterwards', () => {
    const plaintext = Buffer.from(CANARY);
    const wiped = secretOf(plaintext);
    wiped.wipe();
    wiped.wipe();
    expect(plaintext.equals(Buffer.alloc(CANARY.length))).toBe(true);
    expect(() => reveal(wiped)).toThrow('a wiped secret was read');
  });
});
