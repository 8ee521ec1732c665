import fc from 'fast-check';
import { expect, test } from 'vitest';
import { requestLabel } from './request-label.ts';

test.each(['a', 'req-1', '0af76519-16cd', 'a/b:c@d+e=f.g_h', 'x'.repeat(128)])('%s is echoed', (text) => {
  expect(requestLabel(text)).toBe(text);
});

test.each(['', 'a b', 'a"b', 'é', 'x'.repeat(129), '<script>', 'a, b'])('%s is not', (text) => {
  expect(requestLabel(text)).toBeNull();
});

test('nothing that could break a header or a log line is echoed', () => {
  fc.assert(
    fc.property(fc.string({ unit: 'binary' }), (text) => {
      expect(requestLabel(text) ?? '').toMatch(/^[\x21-\x7e]*$/);
    }),
  );
});
