import fc from 'fast-check';
import { expect, it } from 'vitest';
import { isMapping, merge } from './merge.ts';

const documents = fc.jsonValue();

it('keeps the upper value where the lower one is absent, and the other way round', () => {
  fc.assert(
    fc.property(documents, (value) => {
      expect(merge(value, undefined)).toEqual(value);
      expect(merge(undefined, value)).toEqual(value);
      expect(merge(value, value)).toEqual(value);
    }),
  );
});

it('has every key of both mappings, the upper one’s value unless both are mappings', () => {
  fc.assert(
    fc.property(fc.dictionary(fc.string(), documents), fc.dictionary(fc.string(), documents), (base, over) => {
      const merged = merge(base, over);
      if (!isMapping(merged)) return expect.fail('not a mapping');
      expect(new Set(Object.keys(merged))).toEqual(new Set([...Object.keys(base), ...Object.keys(over)]));
      for (const [name, value] of Object.entries(over))
        if (!isMapping(value)) expect(Object.getOwnPropertyDescriptor(merged, name)?.value).toEqual(value);
    }),
  );
});

it('does not let a file change the prototype of anything', () => {
  const merged = merge({}, JSON.parse('{"__proto__": {"polluted": true}}'));
  expect(Object.getPrototypeOf(merged)).toBe(Object.prototype);
  expect(Reflect.get({}, 'polluted')).toBeUndefined();
});
