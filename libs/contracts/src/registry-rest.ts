import { RegistryUnavailable } from './errors.ts';

/** An answer of the registry that means something: a success, or a 4xx about what was asked. */
export interface RegistryAnswer {
  readonly status: number;
  readonly body: Readonly<Record<string, unknown>>;
}

/** How long one answer of the registry may take. */
export const REQUEST_TIMEOUT_MS = 5_000;

const MEDIA_TYPE = 'application/vnd.schemaregistry.v1+json';

/**
 * One request to the Confluent-compatible registry at `url`. 404, 409 and 422 are answers. Everything else that is no
 * success, and what does not read like a registry (a proxy's page), rejects with {@link RegistryUnavailable}.
 */
export const askRegistry = async (
  url: string,
  method: 'GET' | 'POST' | 'PUT',
  path: string,
  body?: unknown,
): Promise<RegistryAnswer> => {
  const doing = `${method} ${path}`;
  try {
    const response = await fetch(`${url.replace(/\/+$/, '')}${path}`, {
      method,
      headers: { 'content-type': MEDIA_TYPE, accept: `${MEDIA_TYPE}, application/json` },
      signal: AbortSignal.timeout(REQUEST_TIMEOUT_MS),
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    });
    const answer: unknown = await response.json();
    if (isObject(answer) && isMeant(response.status, answer)) return { status: response.status, body: answer };
    throw new Error(`status ${response.status}`);
  } catch (cause) {
    throw new RegistryUnavailable(`the schema registry failed at ${doing}`, { cause });
  }
};

/** A registry's refusal has a code of its own; a 404 without one comes from something in front of it. */
const isMeant = (status: number, body: RegistryAnswer['body']): boolean =>
  status === 200 || ([404, 409, 422].includes(status) && typeof body['error_code'] === 'number');

const isObject = (value: unknown): value is Readonly<Record<string, unknown>> =>
  typeof value === 'object' && value !== null && !Array.isArray(value);
