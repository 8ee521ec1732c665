import { encodeBody } from './avro-records.ts';
import { SchemaMissing } from './errors.ts';
import { RECORD_NAMES, type RecordName, type Records, subjectOf } from './records.ts';
import { type RegistryLookup, registryLookup } from './registry.ts';
import { openWriters, type Writer, type Writers } from './writers.ts';

/** A decoded message. `name` discriminates the type of `value`. */
export type DecodedRecord<N extends RecordName = RecordName> = {
  readonly [M in N]: { readonly ok: true; readonly name: M; readonly value: Records[M] };
}[N];

/** Why a message can never be decoded by this build. */
export type UndecodableReason =
  | 'empty'
  | 'bad_magic'
  | 'too_short'
  /** The registry has no Avro schema of this id. */
  | 'unknown_schema'
  /** The schema is of a record that this build does not know. */
  | 'unknown_type'
  /** A known record whose writer's schema does not resolve to this build's. */
  | 'incompatible_schema'
  /** The bytes are not a value of their schema: truncated, too long, or out of range. */
  | 'undecodable';

/** The content of a message. */
export type Decoded = DecodedRecord | { readonly ok: false; readonly reason: UndecodableReason };

/** Encodes the records `N` and decodes all records of this build. */
export interface Codec<N extends RecordName = RecordName> {
  /** The message of `value`. Throws `InvalidRecord` where the value does not fit the schema. */
  encode<M extends N>(name: M, value: Records[M]): Buffer;
  /**
   * Decodes a message: synchronously where its writer's schema is cached, otherwise after a look-up. The look-up rejects
   * with `RegistryUnavailable` when the registry does not answer; the message may be valid, so decode it again later.
   */
  decode(message: Buffer | null): Decoded | Promise<Decoded>;
}

/** Options of {@link openCodec}. */
export interface CodecOptions<N extends RecordName> {
  /** The registry's Confluent-compatible base URL. */
  readonly registryUrl: string;
  /** The records that will be encoded. Default: all. */
  readonly types?: readonly N[];
  /** Unix milliseconds; decides how long an unknown schema id is cached. */
  readonly now?: () => number;
}

/**
 * Looks up the ids of the schemas that will be encoded, and opens a codec. Rejects with `RegistryUnavailable`, or with
 * {@link SchemaMissing} where this build's schemas are not registered.
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

/** Whether `decoded` is the record `name`. */
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
  return { ok: true, name: writer.name, value } as DecodedRecord; // the value was read by that record's own type
};

/** Confluent's wire format: 0x00, the writer's schema id as int32 BE, the Avro body. */
export const HEADER_BYTES = 5;

const MAGIC = 0;

/** The message of `body`, encoded with schema `id`. */
export const frame = (id: number, body: Buffer): Buffer => {
  const message = Buffer.allocUnsafe(HEADER_BYTES + body.length);
  message[0] = MAGIC;
  message.writeInt32BE(id, 1);
  body.copy(message, HEADER_BYTES);
  return message;
};

/** A message split into schema id and body. */
export type Unframed =
  | { readonly ok: true; readonly id: number; readonly body: Buffer }
  | { readonly ok: false; readonly reason: 'empty' | 'bad_magic' | 'too_short' };

/** Splits `message`. The body shares its memory. */
export const unframe = (message: Buffer | null): Unframed => {
  if (message === null || message.length === 0) return { ok: false, reason: 'empty' };
  if (message[0] !== MAGIC) return { ok: false, reason: 'bad_magic' };
  if (message.length < HEADER_BYTES) return { ok: false, reason: 'too_short' };
  return { ok: true, id: message.readInt32BE(1), body: message.subarray(HEADER_BYTES) };
};
