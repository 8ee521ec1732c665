/** Why a body is refused. `message` repeats no value of it. */
export class BodyRefused extends Error {
  override readonly name = 'BodyRefused';
  /** Read by Fastify as the status of the answer. */
  readonly statusCode = 400;
}

/** Names that JavaScript's objects have already: a body that uses one is an attack or a mistake. */
const RESERVED: ReadonlySet<string> = new Set(['__proto__', 'constructor', 'prototype']);

/**
 * Parses a JSON body. Duplicate names within an object are refused (RFC 8259 §4 leaves their meaning open, and `JSON.parse`
 * silently takes the last), and so are names that JavaScript's objects have already. The error names the field.
 *
 * @throws BodyRefused
 */
export const parseJson = (text: string): unknown => {
  if (text === '') throw new BodyRefused('the body is empty');
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    throw new BodyRefused('the body is not JSON');
  }
  refuseNames(text);
  return value;
};

/** Walks over the tokens of a text that is JSON. */
const refuseNames = (text: string): void => {
  /** Of each open object the names so far; null for an array. */
  const open: (Set<string> | null)[] = [];
  for (let at = 0; at < text.length; at += 1) {
    switch (text.charAt(at)) {
      case '{':
        open.push(new Set());
        break;
      case '[':
        open.push(null);
        break;
      case '}':
      case ']':
        open.pop();
        break;
      case '"': {
        const end = endOfString(text, at);
        const names = open.at(-1);
        if (names && isName(text, end)) noteName(names, String(JSON.parse(text.slice(at, end + 1))));
        at = end;
      }
    }
  }
};

const noteName = (names: Set<string>, name: string): void => {
  if (RESERVED.has(name)) throw new BodyRefused(`the body: the name "${name}" is not allowed`);
  if (names.has(name)) throw new BodyRefused(`the body: duplicate field ${shown(name)}`);
  names.add(name);
};

/** A name is repeated only if it has the form of a field: any other may be a token. */
const shown = (name: string): string => (/^[A-Za-z_-]{1,32}$/.test(name) ? `"${name}"` : '"…"');

const endOfString = (text: string, start: number): number => {
  let at = start + 1;
  while (text.charAt(at) !== '"') at += text.charAt(at) === '\\' ? 2 : 1;
  return at;
};

/** Whether a colon follows the string that ends at `end`. */
const isName = (text: string, end: number): boolean => {
  let at = end + 1;
  while (at < text.length && ' \t\r\n'.includes(text.charAt(at))) at += 1;
  return text.charAt(at) === ':';
};
