import { avroType, ownType } from './avro-records.ts';
import { RegistryUnavailable } from './errors.ts';
import { holdsOneValue, type Measure, measureOf } from './measure.ts';
import { RECORD_NAMES, type RecordName, subjectOf } from './records.ts';
import type { RegistryLookup } from './registry.ts';

/** How to decode the messages of one writer's schema. `read` returns null where the bytes are not a value of the schema. */
export type Writer =
  | { readonly ok: true; readonly name: RecordName; readonly read: (body: Buffer) => object | null }
  | { readonly ok: false; readonly reason: 'unknown_schema' | 'unknown_type' | 'incompatible_schema' };

/** Writers by schema id: synchronous where the id is cached. Rejects with `RegistryUnavailable`. */
export type Writers = (id: number) => Writer | Promise<Writer>;

/** Options of {@link openWriters}. */
export interface WritersOptions {
  readonly lookup: Pick<RegistryLookup, 'schemaOf'>;
  /** The ids of this build's own schemas. */
  readonly own: ReadonlyMap<number, RecordName>;
  readonly now: () => number;
}

/** How long an unregistered id is cached. It may be registered later; until then its messages cause no request. */
export const ABSENT_FOR_MS = 10_000;
/** The bound of each cache. Ids come from messages that anybody may have written. */
export const MOST_IDS = 1_000;

/** How many ids are looked up within a minute: invented ids cost the registry no more than this. */
export const LOOK_UPS_PER_MINUTE = 60;

/** Caches types and resolvers by writer id: building them takes longer than decoding a message. */
export const openWriters = ({ lookup, own, now }: WritersOptions): Writers => {
  const ours = new Map<number, Writer>([...own].map(([id, name]) => [id, ownWriter(name)]));
  const found = new Map<number, Writer>();
  const absent = new Map<number, number>();
  const asking = new Map<number, Promise<Writer>>();
  const mayLookUp = perMinute(LOOK_UPS_PER_MINUTE, now);

  const ask = async (id: number): Promise<Writer> => {
    if (!mayLookUp()) throw new RegistryUnavailable('too many unknown schema ids within a minute; try again later');
    const schema = await lookup.schemaOf(id);
    if (schema === null) {
      cache(absent, id, now() + ABSENT_FOR_MS);
      return ABSENT;
    }
    const writer = writerOf(schema);
    cache(found, id, writer);
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

/** Whether one more is within `most` in the minute that began with the first. */
const perMinute = (most: number, now: () => number): (() => boolean) => {
  let since = Number.NEGATIVE_INFINITY;
  let count = 0;
  return () => {
    const at = now();
    if (at - since >= 60_000) {
      since = at;
      count = 0;
    }
    count += 1;
    return count <= most;
  };
};

const ABSENT: Writer = { ok: false, reason: 'unknown_schema' };

/** Evicts the oldest entry when full. */
const cache = <T>(entries: Map<number, T>, id: number, value: T): void => {
  entries.delete(id);
  const oldest = entries.keys().next();
  if (entries.size >= MOST_IDS && !oldest.done) entries.delete(oldest.value);
  entries.set(id, value);
};

const ownWriter = (name: RecordName): Writer => {
  const { type, measure } = ownType(name);
  return { ok: true, name, read: reader(measure, (body) => type.fromBuffer(body)) };
};

const NAMES: ReadonlyMap<string, RecordName> = new Map(RECORD_NAMES.map((name) => [subjectOf(name), name]));

/** Reads messages of `schema` as this build's record of the same name. */
const writerOf = (schema: string): Writer => {
  const written = attempt(() => avroType(schema));
  const name = NAMES.get(written?.name ?? '');
  if (written === null || name === undefined) return { ok: false, reason: 'unknown_type' };
  const { type } = ownType(name);
  const resolved = attempt(() => ({ resolver: type.createResolver(written), measure: measureOf(written) }));
  if (resolved === null) return { ok: false, reason: 'incompatible_schema' };
  return { ok: true, name, read: reader(resolved.measure, (body) => type.fromBuffer(body, resolved.resolver)) };
};

/** Null where avsc throws: for an invalid schema, or one that does not resolve to this build's. */
const attempt = <T>(build: () => T): T | null => {
  try {
    return build();
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
      // The measure checks the writer's type. A value may still not fit the reader's type.
      return null;
    }
  };
