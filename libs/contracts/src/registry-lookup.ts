import { SchemaRegistry, SchemaType } from '@kafkajs/confluent-schema-registry';
import { RegistryUnavailable } from './errors.ts';
import { SCHEMAS } from './generated/schemas.ts';
import { type RecordName, subjectOf } from './records.ts';
import { askRegistry, REQUEST_TIMEOUT_MS } from './registry-rest.ts';

/** What services ask the registry for. Both reject with {@link RegistryUnavailable}. */
export interface RegistryLookup {
  /** The id under which this build's schema of `name` is registered; null where it is not. */
  idOf(name: RecordName): Promise<number | null>;
  /** The Avro schema with this id as JSON; null where there is none, or one of another kind. */
  schemaOf(id: number): Promise<string | null>;
}

/** Looks up at the Confluent-compatible registry at `url`, which may have a path. */
export const registryLookup = (url: string): RegistryLookup => {
  const registry = openRegistry(url);
  return {
    idOf: (name) => idOf(registry, subjectOf(name), SCHEMAS[name]),
    schemaOf: (id) => schemaOf(url, id),
  };
};

/** The registry's client for the base URL `url`. It has no time limit of its own. */
export const openRegistry = (url: string): SchemaRegistry =>
  new SchemaRegistry({
    host: url.replace(/\/+$/, ''),
    retry: { retries: 1, maxRetryTimeInSecs: 1 },
    middlewares: [() => ({ request: (request) => request.enhance({ timeout: REQUEST_TIMEOUT_MS }) })],
  });

/** The id of `schema` under `subject`; null where it is not registered. Rejects with {@link RegistryUnavailable}. */
export const idOf = async (registry: SchemaRegistry, subject: string, schema: string): Promise<number | null> => {
  try {
    const id = await registry.getRegistryIdBySchema(subject, { type: SchemaType.AVRO, schema });
    if (Number.isInteger(id)) return id;
    throw new Error('the answer holds no id'); // e.g. a proxy's page with status 200
  } catch (cause) {
    // The client has this error for a 404 alone.
    if (cause instanceof Error && cause.name === 'ConfluentSchemaRegistryError') return null;
    throw new RegistryUnavailable(`the schema registry failed at looking up ${subject}`, { cause });
  }
};

/**
 * Not by the client's `getSchema`: that parses what it gets in the same step, so that an outage and a schema of another
 * kind end in the same sort of error, and only one of them is worth another try.
 */
const schemaOf = async (url: string, id: number): Promise<string | null> => {
  const { status, body } = await askRegistry(url, 'GET', `/schemas/ids/${id}`);
  if (status === 404) return null;
  if (typeof body['schema'] !== 'string') throw new RegistryUnavailable(`the schema registry sent no schema ${id}`);
  return (body['schemaType'] ?? 'AVRO') === 'AVRO' ? body['schema'] : null;
};
