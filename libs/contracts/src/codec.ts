import { encodeBody } from './encode-body.ts';
import { SchemaMissing } from './errors.ts';
import { frame, unframe } from './frame.ts';
import { RECORD_NAMES, type RecordName, type Records, subjectOf } from './records.ts';
import { type RegistryLookup, registryLookup } from './registry-lookup.ts';
import { openWriters, type Writer, type Writers } from './writers.ts';

/** A message that was read: `name` tells which record `value` is. */
export type DecodedRecord<N extends RecordName = RecordName> = {
  readonly [M in N]: { readonly ok: true; readonly name: M; readonly value: Records[M] };
}[N];

/** Why a message will never be read, whoever tries. */
export type UndecodableReason =
  | 'empty'
  | 'bad_magic'
  | 'too_short'
  /** The registry has no Avro schema of this id. */
  | 'unknown_schema'
  /** The schema is not of a record that this build knows. */
  | 'unknown_type'
  /** A record that we know, written so that it can't be read as ours. */
  | 'incompatible_schema'
  /** The bytes are no value of their schema: truncated, too long, out of range. */
  | 'undecodable';

/** What stands in a message. */
export type Decoded = DecodedRecord | { readonly ok: false; readonly reason: UndecodableReason };

/** Writes the records `N` and reads all that this build knows. */
export interface Codec<N extends RecordName = RecordName> {
  /** The message of `value`. Throws `InvalidRecord` where it does not fit the schema. */
  encode<M extends N>(name: M, value: Records[M]): Buffer;
  /**
   * Reads a message: at once where its writer's schema was seen before, else after a look-up, which rejects with
   * `RegistryUnavailable` when the registry does not answer. That says nothing about the message: try again.
   */
  decode(message: Buffer | null): Decoded | Promise<Decoded>;
}

/** What a codec is opened with. */
export interface CodecOptions<N extends RecordName> {
  /** The registry's Confluent-compatible base URL. */
  readonly registryUrl: string;
  /** The records that will be written; all where it is left out. */
  readonly types?: readonly N[];
  /** Unix milliseconds; for the age of what was not found. */
  readonly now?: () => number;
}

/**
 * Looks up the ids of the schemas that will be written, and opens a codec for them. Rejects with `RegistryUnavailable`,
 * or with {@link SchemaMissing} where this build's schemas are not registered.
 */
export const openCodec = async <N extends RecordName = RecordName>(options: CodecOptions<N>): Promise<Codec<N>> => {
  const lookup = registryLookup(options.registryUrl);
  const names: readonly RecordName[] = options.types ?? RECORD_NAMES;
  const ids = await lookUpIds(lookup, names);
  const own = new Map([...ids].map(([name, id]) => [id, name]));
  const writers = openWriters({ lookup, own, now: options.now ?? Date.now });
  return {
    encode: (name, value) => encode(ids, name, value),
    decode: (message) => decode(writers, message),
  };
};

/** Whether `decoded` is a `name`. */
export const isRecord = <N extends RecordName>(
  decoded: Decoded,
  name: N,
): decoded is Extract<Decoded, { readonly name: N }> => decoded.ok && decoded.name === name;

const lookUpIds = async (
  lookup: RegistryLookup,
  names: readonly RecordName[],
): Promise<ReadonlyMap<RecordName, number>> => {
  const answers = await Promise.all(names.map(async (name) => ({ name, id: await lookup.idOf(name) })));
  const missing = answers.filter(({ id }) => id === null).map(({ name }) => subjectOf(name));
  if (missing.length > 0) throw new SchemaMissing(missing);
  return new Map(answers.flatMap(({ name, id }) => (id === null ? [] : [[name, id]])));
};

const encode = (ids: ReadonlyMap<RecordName, number>, name: RecordName, value: unknown): Buffer => {
  const id = ids.get(name);
  if (id === undefined) throw new Error(`the codec was not opened to write ${name}`);
  return frame(id, encodeBody(name, value));
};

const decode = (writers: Writers, message: Buffer | null): Decoded | Promise<Decoded> => {
  const framed = unframe(message);
  if (!framed.ok) return framed;
  const writer = writers(framed.id);
  return writer instanceof Promise
    ? writer.then((found) => decodeBody(found, framed.body))
    : decodeBody(writer, framed.body);
};

const decodeBody = (writer: Writer, body: Buffer): Decoded => {
  if (!writer.ok) return writer;
  const value = writer.read(body);
  if (value === null) return { ok: false, reason: 'undecodable' };
  return { ok: true, name: writer.name, value } as DecodedRecord; // the value comes out of that record's own type
};
