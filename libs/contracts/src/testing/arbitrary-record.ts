import fc from 'fast-check';
import type { AvroRecord, AvroType } from '../generate/read-schemas.ts';

/** For tests: arbitrary values of `record`. */
export const arbitraryRecord = (record: AvroRecord): fc.Arbitrary<object> => arbitraryFields(record, new Map());

/** Named types by name: after its definition, a schema refers to a type by name. */
type Named = Map<string, fc.Arbitrary<unknown>>;

/** The limit of `long`, see measure.ts. */
const LIMIT = 2 ** 52;

const PRIMITIVES: Readonly<Record<string, fc.Arbitrary<unknown>>> = {
  null: fc.constant(null),
  boolean: fc.boolean(),
  int: fc.integer(),
  long: fc.maxSafeInteger().map((value) => value % LIMIT || 0),
  bytes: fc.uint8Array({ maxLength: 300 }).map((bytes) => Buffer.from(bytes)),
  string: fc.string({ unit: 'binary' }),
};

const arbitraryFields = ({ fields }: AvroRecord, named: Named): fc.Arbitrary<object> =>
  fc.record(Object.fromEntries(fields.map(({ name, type }) => [name, arbitraryType(type, named)])));

const arbitraryType = (type: AvroType, named: Named): fc.Arbitrary<unknown> => {
  if (typeof type === 'string') return primitiveOrNamed(type, named);
  if (isUnion(type)) return fc.oneof(...type.map((branch) => arbitraryType(branch, named)));
  switch (type.type) {
    case 'long':
      return primitiveOrNamed('long', named);
    case 'array':
      return fc.array(arbitraryType(type.items, named), { maxLength: 5 });
    case 'map':
      return arbitraryMap(arbitraryType(type.values, named));
    case 'enum':
      return define(type.name, fc.constantFrom(...type.symbols), named);
    case 'record':
      return define(type.name, arbitraryFields(type, named), named);
  }
};

const isUnion = (type: AvroType): type is readonly AvroType[] => Array.isArray(type);

const primitiveOrNamed = (name: string, named: Named): fc.Arbitrary<unknown> => {
  const arbitrary = PRIMITIVES[name] ?? named.get(name);
  if (arbitrary === undefined) throw new Error(`no arbitrary for ${name}`);
  return arbitrary;
};

const define = (name: string, arbitrary: fc.Arbitrary<unknown>, named: Named): fc.Arbitrary<unknown> => {
  named.set(name, arbitrary);
  return arbitrary;
};

/** A plain object cannot hold a key `__proto__`. */
const arbitraryMap = (values: fc.Arbitrary<unknown>): fc.Arbitrary<unknown> =>
  fc
    .array(fc.tuple(fc.string({ unit: 'binary' }), values), { maxLength: 4 })
    .map((entries) => Object.fromEntries(entries.filter(([key]) => key !== '__proto__')));
