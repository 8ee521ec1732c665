import type { KeyWrapper } from '@vault-engine/vault';
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { InvalidWrappedKey } from './key-context.ts';

/** Opens the wrapper under test. */
export type OpenWrapper = () => Promise<{ readonly wrapper: KeyWrapper; readonly close: () => Promise<void> }>;

const CONTEXT = { svc: 'vault-engine', env: 'test', purpose: 'user-dek', sub: 'a'.repeat(32) };

/** The tests that every `KeyWrapper` passes. */
export const keyWrapperContract = (name: string, open: OpenWrapper): void => {
  describe(`${name} as a key wrapper`, () => {
    let opened: Awaited<ReturnType<OpenWrapper>>;
    beforeAll(async () => {
      opened = await open();
    });
    afterAll(() => opened.close());

    it('generates 32 bytes and unwraps them again', async () => {
      const { plaintext, wrapped } = await opened.wrapper.generate(CONTEXT);
      expect(plaintext).toHaveLength(32);
      expect(await opened.wrapper.unwrap(wrapped, CONTEXT)).toEqual(plaintext);
    });

    it('generates a new key and new wrapped bytes each time', async () => {
      const [one, two] = [await opened.wrapper.generate(CONTEXT), await opened.wrapper.generate(CONTEXT)];
      expect(one.plaintext.equals(two.plaintext)).toBe(false);
      expect(one.wrapped.equals(two.wrapped)).toBe(false);
    });

    it('does not show the key in the wrapped bytes', async () => {
      const { plaintext, wrapped } = await opened.wrapper.generate(CONTEXT);
      expect(wrapped.includes(plaintext)).toBe(false);
    });

    it('accepts the fields of a context in any order', async () => {
      const { plaintext, wrapped } = await opened.wrapper.generate(CONTEXT);
      const reversed = Object.fromEntries(Object.entries(CONTEXT).toReversed());
      expect(await opened.wrapper.unwrap(wrapped, reversed)).toEqual(plaintext);
    });

    it.each([
      ['another value', { ...CONTEXT, sub: 'b'.repeat(32) }],
      ['an additional field', { ...CONTEXT, more: 'x' }],
      ['a missing field', { svc: CONTEXT.svc, env: CONTEXT.env, purpose: CONTEXT.purpose }],
      ['no field', {}],
    ])('rejects a context with %s', async (_, context) => {
      const { wrapped } = await opened.wrapper.generate(CONTEXT);
      await expect(opened.wrapper.unwrap(wrapped, context)).rejects.toBeInstanceOf(InvalidWrappedKey);
    });

    it('rejects bytes that it did not return', async () => {
      const { wrapped } = await opened.wrapper.generate(CONTEXT);
      const flipped = Buffer.from(wrapped);
      flipped.writeUInt8(flipped.readUInt8(flipped.length - 1) ^ 1, flipped.length - 1);
      for (const bytes of [flipped, wrapped.subarray(0, -1), Buffer.alloc(0), Buffer.alloc(7000, 1)])
        await expect(opened.wrapper.unwrap(bytes, CONTEXT)).rejects.toBeInstanceOf(InvalidWrappedKey);
    });
  });
};

/** Contexts are compared exactly: moving a boundary between a name and a value, or between fields, gives another context. */
export const exactContextContract = (name: string, open: OpenWrapper): void => {
  describe(`${name} compares contexts exactly`, () => {
    let opened: Awaited<ReturnType<OpenWrapper>>;
    beforeAll(async () => {
      opened = await open();
    });
    afterAll(() => opened.close());

    it('distinguishes a name from its value', async () => {
      const { wrapped } = await opened.wrapper.generate({ a: 'bc' });
      await expect(opened.wrapper.unwrap(wrapped, { ab: 'c' })).rejects.toBeInstanceOf(InvalidWrappedKey);
    });

    it('unwraps under an equal context alone', async () => {
      const context = fc.dictionary(
        fc.string({ minLength: 1, maxLength: 4 }),
        fc.string({ minLength: 1, maxLength: 4 }),
        {
          maxKeys: 3,
          noNullPrototype: true,
        },
      );
      const property = fc.asyncProperty(context, context, async (one, two) => {
        const { wrapped } = await opened.wrapper.generate(one);
        const opening = opened.wrapper.unwrap(wrapped, two);
        if (canonical(one) === canonical(two)) await expect(opening).resolves.toHaveLength(32);
        else await expect(opening).rejects.toBeInstanceOf(InvalidWrappedKey);
      });
      await fc.assert(property, { numRuns: 50 });
    });
  });
};

const canonical = (context: Readonly<Record<string, string>>): string =>
  JSON.stringify(Object.entries(context).toSorted(([left], [right]) => (left < right ? -1 : 1)));
