import { randomUUID } from 'node:crypto';
import type { IncomingMessage } from 'node:http';
import { VaultError, VaultTimeout } from '@vault-engine/client';
import type { HealthReport } from '@vault-engine/runtime';
import Fastify, { type FastifyInstance, type FastifyReply, type FastifyRequest } from 'fastify';
import { serializerCompiler, validatorCompiler } from 'fastify-type-provider-zod';
import type { HttpSettings } from './config.ts';
import { describeApi } from './describe-api.ts';
import { requestLabel } from './fields.ts';
import { answerClientError, httpServer } from './http-server.ts';
import { parseJson } from './parse-json.ts';
import { errorBody, malformedAs, type Refusal, refusalOf } from './refusal.ts';
import {
  forgetUserRoute,
  getStatusRoute,
  getTokenRoute,
  revokeTokenRoute,
  startConnectionRoute,
  storeTokenRoute,
} from './routes.ts';
import { type RouteParts, serveRoute } from './serve-route.ts';

/** How one request ended, for logs and metrics: ids, codes and times, no value of the request. */
export interface Answered {
  /** The id of the request's command. */
  readonly requestId: string;
  /** Null if the caller was not authenticated. */
  readonly engine: string | null;
  /** The route's path; null if there is no such route. */
  readonly route: string | null;
  readonly status: number;
  /** `ok`, or the error code. */
  readonly result: string;
  /** The vault answered with an error: the command-worker has logged it. */
  readonly refusedByVault: boolean;
  readonly durationMs: number;
  /** The error behind the result `internal`; undefined otherwise. */
  readonly error: unknown;
}

/** What the gateway is built from. */
export interface GatewayParts extends Omit<RouteParts, 'timeoutMs'> {
  readonly http: HttpSettings;
  readonly health: () => HealthReport;
  readonly onAnswered: (answered: Answered) => void;
}

declare module 'fastify' {
  interface FastifyRequest {
    /** The refusal of the request, and the error behind it; null if it was not refused. */
    refused: { readonly refusal: Refusal; readonly error: unknown } | null;
  }
}

const LARGEST_BODY = 256 * 1_024;

/** The gateway, ready to listen. */
export const buildGateway = async (parts: GatewayParts): Promise<FastifyInstance> => {
  const app = Fastify({
    logger: false,
    bodyLimit: LARGEST_BODY,
    genReqId: () => randomUUID(),
    serverFactory: (handler) => httpServer(parts.http, handler),
    clientErrorHandler: (error, socket) => answerClientError(error, socket, randomUUID()),
    frameworkErrors: (_error, request, reply) => {
      label(request, reply); // no hook has run
      refuse(request, reply, malformedAs(400));
    },
  });
  app.setValidatorCompiler(validatorCompiler);
  app.setSerializerCompiler(serializerCompiler);
  app.removeContentTypeParser('text/plain');
  app.removeContentTypeParser('application/json');
  app.addContentTypeParser('application/json', { parseAs: 'string' }, async (_request: FastifyRequest, body: string) =>
    parseJson(body),
  );
  app.decorateRequest('engineKeys', null);
  app.decorateRequest('refused', null);
  app.addHook('onRequest', async (request, reply) => {
    label(request, reply);
    const status = faultOf(request.raw);
    if (status !== null) return refuse(request, reply, malformedAs(status));
  });
  app.addHook('onResponse', async (request, reply) => parts.onAnswered(answered(request, reply)));
  app.setErrorHandler((error, request, reply) => refuse(request, reply, refusalOf(error), error));
  app.setNotFoundHandler((request, reply) => notFound(app, request, reply));

  await describeApi(app);
  const routeParts = { ...parts, timeoutMs: parts.http.timeoutMs };
  serveRoute(app, routeParts, storeTokenRoute);
  serveRoute(app, routeParts, getTokenRoute);
  serveRoute(app, routeParts, getStatusRoute);
  serveRoute(app, routeParts, revokeTokenRoute);
  serveRoute(app, routeParts, startConnectionRoute);
  serveRoute(app, routeParts, forgetUserRoute);
  serveHealth(app, parts.health);
  await app.ready();
  return app;
};

/**
 * The status of a request that Node accepts and the gateway does not: no Host (RFC 9112 §3.2), a coding of the body other
 * than identity (RFC 9110 §8.4), another charset than UTF-8 (RFC 8259 §8.1), a transfer coding other than chunked (RFC 9112 §6.1).
 */
const faultOf = ({ headers }: IncomingMessage): number | null => {
  if (headers.host === undefined) return 400;
  if (!/^(?:identity)?$/i.test(headers['content-encoding'] ?? '')) return 415;
  const charset = /;\s*charset\s*=\s*"?([^";\s]*)/i.exec(headers['content-type'] ?? '')?.[1];
  if (charset !== undefined && !/^utf-?8$/i.test(charset)) return 415;
  return /^(?:chunked)?$/i.test(headers['transfer-encoding'] ?? '') ? null : 501;
};

/** Every answer has both ids: the caller's label, and the id of the command, which log and audit log have. */
const label = (request: FastifyRequest, reply: FastifyReply): void => {
  reply.header('x-request-id', nameOf(request));
  reply.header('x-command-id', request.id);
  reply.header('cache-control', 'no-store');
};

const nameOf = ({ headers, id }: FastifyRequest): string => requestLabel(headers['x-request-id']) ?? id;

const refuse = (request: FastifyRequest, reply: FastifyReply, refusal: Refusal, error?: unknown): void => {
  request.refused = { refusal, error };
  // Fastify closes the connection after a body that is too large. TCP would reset a connection with unread bytes, and the
  // answer could be lost (RFC 9112 §9.6). So the rest of the body is read and discarded, within the request's time limit.
  if (refusal.status === 413) reply.removeHeader('connection');
  // RFC 9110 §15.5.2 and §10.2.3.
  if (refusal.status === 401) reply.header('www-authenticate', 'VaultEngineKey realm="vault"');
  if (refusal.retryAfterMs !== null) reply.header('retry-after', String(Math.ceil(refusal.retryAfterMs / 1_000)));
  reply
    .code(refusal.status)
    .type('application/json')
    .send(errorBody(refusal, nameOf(request)));
};

const METHODS = ['GET', 'POST'] as const;

const notFound = (app: FastifyInstance, request: FastifyRequest, reply: FastifyReply): void => {
  const [url = ''] = request.url.split('?', 1);
  const allowed = METHODS.filter((method) => app.hasRoute({ method, url }));
  if (allowed.length > 0) reply.header('allow', allowed.join(', ')); // RFC 9110 §15.5.6
  refuse(request, reply, malformedAs(allowed.length > 0 ? 405 : 404));
};

const serveHealth = (app: FastifyInstance, health: () => HealthReport): void => {
  app.get('/healthz', { schema: { hide: true } }, (_request, reply) => reply.type('text/plain').send('alive\n'));
  app.get('/readyz', { schema: { hide: true } }, (_request, reply) => {
    const report = health();
    reply
      .code(report.ready ? 200 : 503)
      .type('application/json')
      .send(`${JSON.stringify(report)}\n`);
  });
};

const answered = (request: FastifyRequest, reply: FastifyReply): Answered => ({
  requestId: request.id,
  engine: request.engineKeys?.engine ?? null,
  route: request.routeOptions.url ?? null,
  status: reply.statusCode,
  result: request.refused?.refusal.code ?? 'ok',
  refusedByVault: request.refused?.error instanceof VaultError && !(request.refused.error instanceof VaultTimeout),
  durationMs: reply.elapsedTime,
  error: request.refused?.refusal.code === 'internal' ? request.refused.error : undefined,
});
