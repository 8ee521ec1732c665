import { COMPATIBILITY, SchemaRegistry, SchemaType } from '@kafkajs/confluent-schema-registry';
import { RegistryUnavailable } from './errors.ts';
import { SCHEMAS } from './generated/schemas.ts';
import { type RecordName, subjectOf } from './records.ts';

/** What services look up in the registry. Both methods reject with {@link RegistryUnavailable}. */
export interface RegistryLookup {
  /** The id under which this build's schema of `name` is registered; null where it is not registered. */
  idOf(name: RecordName): Promise<number | null>;
  /** The Avro schema with this id as JSON; null where there is none, or where it is of another kind. */
  schemaOf(id: number): Promise<string | null>;
}

/** Looks up schemas in the Confluent-compatible registry at `url`, which may have a path. */
export const registryLookup = (url: string): RegistryLookup => ({
  idOf: (name) => idOf(url, subjectOf(name), SCHEMAS[name]),
  schemaOf: (id) => schemaOf(url, id),
});

/** The id of `schema` under `subject`; null where it is not registered. Rejects with {@link RegistryUnavailable}. */
export const idOf = async (url: string, subject: string, schema: string): Promise<number | null> => {
  try {
    const id = await registryClient(url).getRegistryIdBySchema(subject, { type: SchemaType.AVRO, schema });
    if (Number.isInteger(id)) return id;
    throw new Error('the response has no id'); // e.g. a proxy's page with status 200
  } catch (cause) {
    // The client throws this error for a 404 only.
    if (cause instanceof Error && cause.name === 'ConfluentSchemaRegistryError') return null;
    throw new RegistryUnavailable(`the schema registry failed at looking up ${subject}`, { cause });
  }
};

/** A schema under its subject and compatibility level. */
export interface SchemaToRegister {
  readonly subject: string;
  /** JSON. */
  readonly schema: string;
  readonly level: keyof typeof COMPATIBILITY;
}

/** Registers a schema. It is no error if another process registers it first. Rejects with {@link RegistryUnavailable}. */
export const register = async (url: string, { subject, schema, level }: SchemaToRegister): Promise<void> => {
  try {
    await registryClient(url).register(
      { type: SchemaType.AVRO, schema },
      { subject, compatibility: COMPATIBILITY[level] },
    );
  } catch (cause) {
    if ((await idOf(url, subject, schema)) !== null) return;
    throw new RegistryUnavailable(`the schema registry refused ${subject}`, { cause });
  }
};

/** The time limit of one request to the registry. */
const REQUEST_TIMEOUT_MS = 5_000;

/** The registry's client for the base URL `url`. It has no time limit of its own. */
const registryClient = (url: string): SchemaRegistry =>
  new SchemaRegistry({
    host: baseOf(url),
    retry: { retries: 1, maxRetryTimeInSecs: 1 },
    middlewares: [() => ({ request: (request) => request.enhance({ timeout: REQUEST_TIMEOUT_MS }) })],
  });

/**
 * The client's own `getSchema` parses the response in the same step: an outage and a schema of another kind end in the
 * same kind of error, and only an outage is worth a retry.
 */
const schemaOf = async (url: string, id: number): Promise<string | null> => {
  const { status, body } = await askRegistry(url, 'GET', `/schemas/ids/${id}`);
  if (status === 404) return null;
  if (typeof body['schema'] !== 'string') throw new RegistryUnavailable(`the schema registry returned no schema ${id}`);
  return (body['schemaType'] ?? 'AVRO') === 'AVRO' ? body['schema'] : null;
};

/** A meaningful response of the registry: a success, or a 4xx about the request. */
export interface RegistryAnswer {
  readonly status: number;
  readonly body: Readonly<Record<string, unknown>>;
}

const MEDIA_TYPE = 'application/vnd.schemaregistry.v1+json';

/**
 * Sends one request to the Confluent-compatible registry at `url`. The statuses 404, 409 and 422 are answers. Any other
 * failure, and any response that is not a registry's (a proxy's page), rejects with {@link RegistryUnavailable}.
 */
export const askRegistry = async (
  url: string,
  method: 'GET' | 'POST' | 'PUT',
  path: string,
  body?: unknown,
): Promise<RegistryAnswer> => {
  const request = `${method} ${path}`;
  try {
    const response = await fetch(`${baseOf(url)}${path}`, {
      method,
      headers: { 'content-type': MEDIA_TYPE, accept: `${MEDIA_TYPE}, application/json` },
      signal: AbortSignal.timeout(REQUEST_TIMEOUT_MS),
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    });
    const answer: unknown = await response.json();
    if (isObject(answer) && isMeaningful(response.status, answer)) return { status: response.status, body: answer };
    throw new Error(`status ${response.status}`);
  } catch (cause) {
    throw new RegistryUnavailable(`the schema registry failed at ${request}`, { cause });
  }
};

const baseOf = (url: string): string => url.replace(/\/+$/, '');

/** A registry's refusal has a numeric error code; a 404 without one comes from a proxy in front of it. */
const isMeaningful = (status: number, body: RegistryAnswer['body']): boolean =>
  status === 200 || ([404, 409, 422].includes(status) && typeof body['error_code'] === 'number');

const isObject = (value: unknown): value is Readonly<Record<string, unknown>> =>
  typeof value === 'object' && value !== null && !Array.isArray(value);
