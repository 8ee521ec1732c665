import { userId } from '@vault-engine/vault';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { dataKeyContext, keyContext } from './key-context.ts';

const user = (text: string) => userId(text) ?? expect.fail('not a user id');
const users = fc.stringMatching(/^[A-Za-z0-9._@|+-]{1,128}$/).map(user);
const kids = fc.uint8Array({ minLength: 16, maxLength: 16 }).map((bytes) => Buffer.from(bytes));

describe('the context of a user’s data key', () => {
  it('is stable, because stored keys depend on these values', () => {
    expect(dataKeyContext('production', user('u1'), Buffer.alloc(16, 7))).toMatchInlineSnapshot(`
      {
        "env": "production",
        "kid": "a7acda100583073e62c2a87bd6541daa",
        "purpose": "user-dek",
        "sub": "1715cfd9ea3ac0b5dfc7d4f89e9d3a40",
        "svc": "vault-engine",
        "v": "1",
      }
    `);
  });

  it('differs by user, by key and by environment', () => {
    const property = fc.property(users, users, kids, kids, (one, two, kid, other) => {
      const sub = (who: typeof one, key: Buffer) => dataKeyContext('e', who, key)['sub'];
      expect(sub(one, kid) === sub(two, kid)).toBe(one === two);
      expect(sub(one, kid) === sub(one, other)).toBe(kid.equals(other));
    });
    fc.assert(property);
    expect(dataKeyContext('a', user('u1'), Buffer.alloc(16))).not.toEqual(
      dataKeyContext('b', user('u1'), Buffer.alloc(16)),
    );
  });

  it('reveals neither the user nor the key id', () => {
    fc.assert(
      fc.property(fc.stringMatching(/^[a-z0-9]{8,40}$/).map(user), kids, (who, kid) => {
        const shown = JSON.stringify(dataKeyContext('production', who, kid));
        expect(shown).not.toContain(who);
        expect(shown).not.toContain(kid.toString('hex'));
      }),
    );
  });
});

describe('the context of other keys', () => {
  it('has service, environment, purpose and version beside its own fields', () => {
    expect(keyContext('production', 'engine-keys', { engine: 'sync' })).toEqual({
      svc: 'vault-engine',
      env: 'production',
      purpose: 'engine-keys',
      v: '1',
      engine: 'sync',
    });
  });

  it.each(['svc', 'env', 'purpose', 'v'])('rejects a field named %s', (name) => {
    expect(() => keyContext('production', 'engine-keys', { [name]: 'x' })).toThrow(RangeError);
  });

  it('rejects empty fields, as KMS does', () => {
    expect(() => keyContext('production', 'engine-keys', { engine: '' })).toThrow(RangeError);
  });
});
