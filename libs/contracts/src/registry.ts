import { type Agent, type RequestOptions, request as requestHttp } from 'node:http';
import { Agent as HttpsAgent, request as requestHttps } from 'node:https';
import { text as readText } from 'node:stream/consumers';
import { COMPATIBILITY, SchemaRegistry, SchemaType } from '@kafkajs/confluent-schema-registry';
import { RegistryUnavailable } from './errors.ts';

/** How a process proves itself to the schema registry, and what it trusts. All of it is optional. */
export interface RegistryAccess {
  /** HTTP authentication: basic (RFC 7617) or bearer (RFC 6750). Secrets. */
  readonly auth?:
    | { readonly kind: 'basic'; readonly username: string; readonly password: string }
    | { readonly kind: 'bearer'; readonly token: string }
    | undefined;
  /** PEM texts for `https`: the authorities to trust instead of the system's, and a client certificate with its key. */
  readonly tls?:
    | {
        readonly ca?: string | undefined;
        readonly cert?: string | undefined;
        readonly key?: string | undefined;
      }
    | undefined;
}

/** A schema under its subject and compatibility level. */
export interface SchemaToRegister {
  readonly subject: string;
  /** JSON. */
  readonly schema: string;
  readonly level: keyof typeof COMPATIBILITY;
}

/** A Confluent-compatible schema registry. Every method rejects with {@link RegistryUnavailable}. */
export interface Registry {
  /** The id of `schema` under `subject`; null where it is not registered. */
  idOf(subject: string, schema: string): Promise<number | null>;
  /** The Avro schema with this id as JSON; null where there is none, or where it is of another kind. */
  schemaOf(id: number): Promise<string | null>;
  /** Registers a schema. It is no error if another process registers it first. */
  register(schema: SchemaToRegister): Promise<void>;
  /**
   * Sends a request to the REST API. The statuses 404, 409 and 422 are answers. Any other failure, and any response that is not
   * a registry's (a proxy's page), rejects.
   */
  ask(method: Method, path: string, body?: unknown): Promise<RegistryAnswer>;
}

type Method = 'GET' | 'POST' | 'PUT';

/** A meaningful response of the registry: a success, or a 4xx about the request. */
export interface RegistryAnswer {
  readonly status: number;
  /** The parsed JSON. */
  readonly body: unknown;
}

/** The time limit of one request to the registry. */
const REQUEST_TIMEOUT_MS = 5_000;

/** The registry at the base URL `url`, which may have a path. Opens nothing itself. */
export const openRegistry = (url: string, access: RegistryAccess = {}): Registry => {
  const base = url.replace(/\/+$/, '');
  const authorization = authorizationOf(access);
  const agent = access.tls === undefined ? undefined : new HttpsAgent(access.tls);
  const client = clientOf(base, authorization, agent);

  const idOf = async (subject: string, schema: string): Promise<number | null> => {
    try {
      const id = await client.getRegistryIdBySchema(subject, { type: SchemaType.AVRO, schema });
      if (Number.isInteger(id)) return id;
      throw new Error('the response has no id'); // e.g. a proxy's page with status 200
    } catch (cause) {
      // The client throws this error for a 404 only.
      if (cause instanceof Error && cause.name === 'ConfluentSchemaRegistryError') return null;
      throw new RegistryUnavailable(`the schema registry failed at looking up ${subject}`, { cause });
    }
  };

  const register = async ({ subject, schema, level }: SchemaToRegister): Promise<void> => {
    try {
      await client.register({ type: SchemaType.AVRO, schema }, { subject, compatibility: COMPATIBILITY[level] });
    } catch (cause) {
      if ((await idOf(subject, schema)) !== null) return;
      throw new RegistryUnavailable(`the schema registry refused ${subject}`, { cause });
    }
  };

  const ask = async (method: Method, path: string, body?: unknown): Promise<RegistryAnswer> => {
    try {
      const headers = { 'content-type': MEDIA_TYPE, accept: `${MEDIA_TYPE}, application/json`, ...authorization };
      const { status, text } = await send(`${base}${path}`, { method, headers, agent }, body);
      const answer: unknown = JSON.parse(text);
      if (isMeaningful(status, answer)) return { status, body: answer };
      throw new Error(
        status === 401 || status === 403 ? `status ${status}; check the credentials` : `status ${status}`,
      );
    } catch (cause) {
      const why = cause instanceof Error && cause.message.startsWith('status ') ? ` (${cause.message})` : '';
      throw new RegistryUnavailable(`the schema registry failed at ${method} ${path}${why}`, { cause });
    }
  };

  /**
   * Not the client's `getSchema`: it parses the response in the same step, so that an outage and a schema of another kind end
   * in the same kind of error, and only an outage is worth a retry.
   */
  const schemaOf = async (id: number): Promise<string | null> => {
    const { status, body } = await ask('GET', `/schemas/ids/${id}`);
    if (status === 404) return null;
    const schema = fieldOf(body, 'schema');
    if (typeof schema !== 'string') throw new RegistryUnavailable(`the schema registry returned no schema ${id}`);
    return (fieldOf(body, 'schemaType') ?? 'AVRO') === 'AVRO' ? schema : null;
  };

  return { idOf, schemaOf, register, ask };
};

/** A field of a JSON object; undefined where the value is none, or has no such field. */
export const fieldOf = (body: unknown, name: string): unknown =>
  typeof body === 'object' && body !== null && Object.hasOwn(body, name)
    ? (body as Readonly<Record<string, unknown>>)[name]
    : undefined;

const MEDIA_TYPE = 'application/vnd.schemaregistry.v1+json';

const authorizationOf = ({ auth }: RegistryAccess): Readonly<Record<string, string>> => {
  switch (auth?.kind) {
    case undefined:
      return {};
    case 'basic':
      return { authorization: `Basic ${Buffer.from(`${auth.username}:${auth.password}`).toString('base64')}` };
    case 'bearer':
      return { authorization: `Bearer ${auth.token}` };
  }
};

/** The client of `@kafkajs/confluent-schema-registry`. It has no time limit of its own, and no bearer authentication. */
const clientOf = (
  host: string,
  authorization: Readonly<Record<string, string>>,
  agent: Agent | undefined,
): SchemaRegistry =>
  new SchemaRegistry({
    host,
    retry: { retries: 1, maxRetryTimeInSecs: 1 },
    middlewares: [
      () => ({ request: (request) => request.enhance({ timeout: REQUEST_TIMEOUT_MS, headers: authorization }) }),
    ],
    ...(agent === undefined ? {} : { agent }),
  });

/** Sends a request and reads the response as text. `fetch` takes no certificates. */
const send = (
  url: string,
  options: Pick<RequestOptions, 'method' | 'headers'> & { readonly agent: Agent | undefined },
  body: unknown,
): Promise<{ readonly status: number; readonly text: string }> =>
  new Promise((resolve, reject) => {
    const start = url.startsWith('https:') ? requestHttps : requestHttp;
    const { agent, ...rest } = options;
    const signal = AbortSignal.timeout(REQUEST_TIMEOUT_MS);
    const request = start(url, { ...rest, signal, ...(agent === undefined ? {} : { agent }) }, (response) => {
      readText(response).then((text) => resolve({ status: response.statusCode ?? 0, text }), reject);
    });
    request.on('error', reject);
    request.end(body === undefined ? undefined : JSON.stringify(body));
  });

/** A registry's refusal has a numeric error code; a 404 without one comes from a proxy in front of it. */
const isMeaningful = (status: number, body: unknown): boolean =>
  status === 200
    ? typeof body === 'object' && body !== null
    : [404, 409, 422].includes(status) && typeof fieldOf(body, 'error_code') === 'number';
