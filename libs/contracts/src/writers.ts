import { avroType, ownType } from './avro-types.ts';
import { holdsOneValue, type Measure, measureOf } from './measure.ts';
import { RECORD_NAMES, type RecordName, subjectOf } from './records.ts';
import type { RegistryLookup } from './registry-lookup.ts';

/** What the messages of one writer id are to us. `read` answers null where the bytes are no value of the schema. */
export type Writer =
  | { readonly ok: true; readonly name: RecordName; readonly read: (body: Buffer) => object | null }
  | { readonly ok: false; readonly reason: 'unknown_schema' | 'unknown_type' | 'incompatible_schema' };

/** Writers by their id: at once where the id was seen before. Rejects with `RegistryUnavailable`. */
export type Writers = (id: number) => Writer | Promise<Writer>;

/** What the cache of writers needs. */
export interface WritersOptions {
  readonly lookup: Pick<RegistryLookup, 'schemaOf'>;
  /** Ids that are known already: those of our own schemas. */
  readonly own: ReadonlyMap<number, RecordName>;
  readonly now: () => number;
}

/** An id that is not registered may be so a moment later; until then its messages cost no request. */
export const ABSENT_FOR_MS = 10_000;
/** Bounds both caches: ids come from messages, and anybody may have written those. */
export const MOST_IDS = 1_000;

/** Keeps types and resolvers for each writer id: to build them takes longer than to decode a message. */
export const openWriters = ({ lookup, own, now }: WritersOptions): Writers => {
  const ours = new Map<number, Writer>([...own].map(([id, name]) => [id, ownWriter(name)]));
  const found = new Map<number, Writer>();
  const absent = new Map<number, number>();
  const asking = new Map<number, Promise<Writer>>();

  const ask = async (id: number): Promise<Writer> => {
    const schema = await lookup.schemaOf(id);
    if (schema === null) {
      remember(absent, id, now() + ABSENT_FOR_MS);
      return ABSENT;
    }
    const writer = writerOf(schema);
    remember(found, id, writer);
    return writer;
  };

  return (id) => {
    const known = ours.get(id) ?? found.get(id);
    if (known !== undefined) return known;
    if ((absent.get(id) ?? 0) > now()) return ABSENT;
    const answer = asking.get(id) ?? ask(id).finally(() => asking.delete(id));
    asking.set(id, answer);
    return answer;
  };
};

const ABSENT: Writer = { ok: false, reason: 'unknown_schema' };

/** The oldest entry makes room. */
const remember = <T>(cache: Map<number, T>, id: number, value: T): void => {
  cache.delete(id);
  const oldest = cache.keys().next();
  if (cache.size >= MOST_IDS && !oldest.done) cache.delete(oldest.value);
  cache.set(id, value);
};

const ownWriter = (name: RecordName): Writer => {
  const { type, measure } = ownType(name);
  return { ok: true, name, read: reader(measure, (body) => type.fromBuffer(body)) };
};

const NAMES: ReadonlyMap<string, RecordName> = new Map(RECORD_NAMES.map((name) => [subjectOf(name), name]));

/** Reads what `schema` wrote as the record of the same name that this build knows. */
const writerOf = (schema: string): Writer => {
  const written = attempt(() => avroType(schema));
  const name = NAMES.get(written?.name ?? '');
  if (written === null || name === undefined) return { ok: false, reason: 'unknown_type' };
  const { type } = ownType(name);
  const made = attempt(() => ({ resolver: type.createResolver(written), measure: measureOf(written) }));
  if (made === null) return { ok: false, reason: 'incompatible_schema' };
  return { ok: true, name, read: reader(made.measure, (body) => type.fromBuffer(body, made.resolver)) };
};

/** avsc throws where a schema is none, or none that can be read as ours. */
const attempt = <T>(make: () => T): T | null => {
  try {
    return make();
  } catch {
    return null;
  }
};

const reader =
  (measure: Measure, read: (body: Buffer) => object) =>
  (body: Buffer): object | null => {
    if (!holdsOneValue(measure, body)) return null;
    try {
      return read(body);
    } catch {
      // What the measure does not see: a value that the reader's type can't hold.
      return null;
    }
  };
