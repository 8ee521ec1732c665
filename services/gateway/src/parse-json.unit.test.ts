import fc from 'fast-check';
import { expect, test } from 'vitest';
import { BodyRefused, parseJson } from './parse-json.ts';

const refusal = (text: string): string => {
  try {
    parseJson(text);
  } catch (error) {
    if (error instanceof BodyRefused) return error.message;
    throw error;
  }
  return 'accepted';
};

test('any JSON without duplicate and reserved names is parsed as JSON.parse does', () => {
  fc.assert(
    fc.property(fc.json(), fc.constantFrom(0, 2), (text, indent) => {
      const value: unknown = JSON.parse(text);
      fc.pre(!/__proto__|constructor|prototype/.test(text));
      expect(parseJson(JSON.stringify(value, null, indent))).toEqual(value);
    }),
  );
});

test.each([
  ['{"user_id":"a","user_id":"b"}', 'the body: duplicate field "user_id"'],
  ['{"user_id" : "a" ,\n "user\\u005fid"\t: "b"}', 'the body: duplicate field "user_id"'],
  ['{"params":{"a":"1","a":"2"}}', 'the body: duplicate field "a"'],
  ['[{"a":1},{"a":1}]', 'accepted'],
  ['{"a":"a","b":"a"}', 'accepted'],
  ['{"a":"x\\"a\\":1"}', 'accepted'],
  ['{"secret.123":1,"secret.123":2}', 'the body: duplicate field "…"'],
  ['{"__proto__":{}}', 'the body: the name "__proto__" is not allowed'],
  ['{"params":{"constructor":"x"}}', 'the body: the name "constructor" is not allowed'],
  ['{"\\u005f_proto__":1}', 'the body: the name "__proto__" is not allowed'],
  ['{"a":"__proto__"}', 'accepted'],
  ['', 'the body is empty'],
  ['{"a":', 'the body is not JSON'],
])('%s: %s', (text, message) => {
  expect(refusal(text)).toBe(message);
});

test('a name far from its colon counts as well', () => {
  const space = ' '.repeat(200);
  expect(refusal(`{"a"${space}:1,"a"${space}:2}`)).toBe('the body: duplicate field "a"');
  expect(refusal(`{"a":"a"${space},"b":1}`)).toBe('accepted');
});

test('deep nesting is walked without recursion', () => {
  const depth = 5_000;
  expect(refusal(`${'['.repeat(depth)}${']'.repeat(depth)}`)).toBe('accepted');
});
