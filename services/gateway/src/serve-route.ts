import type { Attempts } from '@vault-engine/audit';
import type { Caller } from '@vault-engine/client';
import type { EngineTable } from '@vault-engine/engines';
import type { EngineKeys } from '@vault-engine/protocol';
import type { ERRORS } from '@vault-engine/vault';
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import type * as z from 'zod';
import { authenticate } from './authenticate.ts';
import { errorAnswer, optionalHeaders } from './fields.ts';
import { NotAuthenticated } from './refusal.ts';
import type { Route } from './routes.ts';

/** What routes are served with. */
export interface RouteParts {
  readonly table: Pick<EngineTable, 'get'>;
  readonly caller: Pick<Caller, 'call'>;
  readonly attempts: Pick<Attempts, 'note'>;
  /** The deadline of each command. */
  readonly timeoutMs: number;
  /** Unix milliseconds. */
  readonly now: () => number;
}

declare module 'fastify' {
  interface FastifyRequest {
    /** Set once the caller is authenticated. */
    engineKeys: EngineKeys | null;
  }
}

/**
 * Serves one operation:
 * 1. the credential is checked before the body is read;
 * 2. the body is validated by the route's schema;
 * 3. a command is sent in the caller's name, signed under the caller's key, and its reply is the answer.
 */
export const serveRoute = <Body extends z.ZodType, Answer extends z.ZodType, Value>(
  app: FastifyInstance,
  parts: RouteParts,
  { url, operationId, summary, body, answer, ask, respond }: Route<Body, Answer, Value>,
): void => {
  app.route({
    method: 'POST',
    url,
    schema: {
      operationId,
      summary,
      body,
      headers: optionalHeaders,
      response: { 200: answer, ...ERROR_ANSWERS },
    },
    onRequest: async (request) => requireCredential(parts, request),
    handler: async (request, reply) => {
      const operation = ask(request.body as z.output<Body>, parts.now()); // validated by `body`, above
      return respond(await parts.caller.call(keysOf(request), operation, optionsOf(parts, request, reply)));
    },
  });
};

/** The statuses of the error table, and those of HTTP itself that a request of a route can have. */
const ERROR_ANSWERS = {
  400: errorAnswer,
  401: errorAnswer,
  403: errorAnswer,
  404: errorAnswer,
  408: errorAnswer,
  409: errorAnswer,
  413: errorAnswer,
  415: errorAnswer,
  417: errorAnswer,
  429: errorAnswer,
  431: errorAnswer,
  500: errorAnswer,
  501: errorAnswer,
  503: errorAnswer,
  504: errorAnswer,
} as const satisfies Record<(typeof ERRORS)[keyof typeof ERRORS]['http'], typeof errorAnswer> & Record<number, unknown>;

const requireCredential = ({ table, attempts }: RouteParts, request: FastifyRequest): void => {
  const engine = headerOf(request, 'x-engine-id');
  const proven = authenticate(table, engine, headerOf(request, 'x-engine-key'));
  if (!proven.ok) {
    const known = engine !== undefined && table.get(engine) !== undefined;
    attempts.note(known ? engine : null, proven.reason);
    throw new NotAuthenticated();
  }
  request.engineKeys = proven.value;
};

const keysOf = ({ engineKeys }: FastifyRequest): EngineKeys => {
  if (engineKeys === null) throw new Error('a request was handled before its caller was authenticated');
  return engineKeys;
};

const optionsOf = ({ timeoutMs }: RouteParts, request: FastifyRequest, reply: FastifyReply) => ({
  commandId: request.id,
  timeoutMs,
  signal: disconnected(reply),
  idempotencyKey: headerOf(request, 'idempotency-key'),
  traceparent: headerOf(request, 'traceparent'),
});

const headerOf = ({ headers }: FastifyRequest, name: string): string | undefined => {
  const value = headers[name];
  return typeof value === 'string' ? value : undefined;
};

/**
 * Aborted when the caller disconnects before the answer. `request.signal` does not serve: it follows the `close` event of
 * the incoming message, which Node emits as soon as the body is read.
 */
const disconnected = ({ raw }: FastifyReply): AbortSignal => {
  const hungUp = new AbortController();
  raw.once('close', () => {
    if (!raw.writableFinished) hungUp.abort();
  });
  return hungUp.signal;
};
