/** A build whose schemas are an earlier or a later version of ours. */
export type OtherBuild = 'older' | 'newer';

/** Schemas as JSON, by the name of their record. */
type Schemas = Readonly<Record<string, string>>;

interface AvroRecord {
  readonly fields: readonly { readonly name: string; readonly default?: unknown }[];
}

/** What flows while versions run side by side. The table of engines is the CLI's, which is not part of a rolling deployment. */
const CONSTANT = new Set(['EngineEntry', 'PlatformEntry']);

/** The schemas that another build has in the place of `ours`. */
export const schemasOf = (build: OtherBuild, ours: Schemas): Schemas =>
  Object.fromEntries(
    Object.entries(ours).map(([name, schema]) => [name, CONSTANT.has(name) ? schema : otherVersion(build, schema)]),
  );

/** Both are compatible with ours in both directions: the older lacks our last field with a default, the newer has one more. */
const otherVersion = (build: OtherBuild, schema: string): string => {
  const record = JSON.parse(schema) as AvroRecord; // our own, checked when it was generated
  return JSON.stringify({ ...record, fields: build === 'newer' ? withOneMore(record) : withoutTheLast(record) });
};

const withOneMore = ({ fields }: AvroRecord): AvroRecord['fields'] => [
  ...fields,
  { name: 'from_later_on', type: ['null', 'string'], default: null } as AvroRecord['fields'][number],
];

const withoutTheLast = ({ fields }: AvroRecord): AvroRecord['fields'] =>
  fields.at(-1)?.default === undefined ? fields : fields.slice(0, -1);
