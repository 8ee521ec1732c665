/** A JSON object in an answer. */
export type JsonObject = Readonly<Record<string, unknown>>;

/**
 * The JSON object in `body`, or null where it holds none. The content type is not asked: some providers send JSON as text,
 * and to refuse such an answer would lose the tokens in it.
 */
export const readJson = (body: Buffer): JsonObject | null => {
  try {
    const value: unknown = JSON.parse(body.toString());
    return isObject(value) ? value : null;
  } catch {
    return null;
  }
};

/** What stands at `path` (`a.b.c`; empty: `value` itself), own fields only; undefined where nothing does. */
export const at = (value: unknown, path: string): unknown =>
  path === ''
    ? value
    : path
        .split('.')
        .reduce<unknown>(
          (inner, name) => (isObject(inner) && Object.hasOwn(inner, name) ? inner[name] : undefined),
          value,
        );

/** The text, or the number as text, at `path`; null where there is none. */
export const textAt = (value: unknown, path: string): string | null => {
  const found = at(value, path);
  if (typeof found === 'number' && Number.isFinite(found)) return String(found);
  return typeof found === 'string' && found !== '' ? found : null;
};

/** The texts at `paths`, in their order, as far as they are there. */
export const textsAt = (value: unknown, paths: string | readonly string[]): readonly string[] =>
  [paths].flat().flatMap((path) => textAt(value, path) ?? []);

const isObject = (value: unknown): value is JsonObject =>
  typeof value === 'object' && value !== null && !Array.isArray(value);
