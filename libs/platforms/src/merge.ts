/** A mapping of a YAML document. */
export type Mapping = Readonly<Record<string, unknown>>;

export const isMapping = (value: unknown): value is Mapping =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

/** `over` laid upon `base`: mappings are merged key by key; lists, single values and null replace. */
export const merge = (base: unknown, over: unknown): unknown => {
  if (over === undefined) return base;
  if (!isMapping(base) || !isMapping(over)) return over;
  const names = new Set([...Object.keys(base), ...Object.keys(over)]);
  return Object.fromEntries([...names].map((name) => [name, merge(own(base, name), own(over, name))]));
};

const own = (mapping: Mapping, name: string): unknown => (Object.hasOwn(mapping, name) ? mapping[name] : undefined);
