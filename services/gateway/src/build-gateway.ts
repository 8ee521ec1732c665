import { randomUUID } from 'node:crypto';
import type { HealthReport } from '@vault-engine/runtime';
import Fastify, { type FastifyInstance, type FastifyReply, type FastifyRequest } from 'fastify';
import { serializerCompiler, validatorCompiler } from 'fastify-type-provider-zod';
import type { HttpSettings } from './config.ts';
import { describeApi } from './describe-api.ts';
import { answerClientError, httpServer } from './http-server.ts';
import { errorBody, malformedAs, type Refusal, refusalOf } from './refusal.ts';
import { requestLabel } from './request-label.ts';
import { type RouteParts, serveRoute } from './serve-route.ts';
import { startConnectionRoute } from './start-connection-route.ts';
import { getStatusRoute } from './status-route.ts';
import { forgetUserRoute, getTokenRoute, revokeTokenRoute, storeTokenRoute } from './token-routes.ts';

/** How one request ended, for logs and metrics: ids, codes and times, no value of the request. */
export interface Answered {
  /** The command's id, where one was made. */
  readonly requestId: string;
  /** Null where the caller was not authenticated. */
  readonly engine: string | null;
  /** The route's path; null where there is no such route. */
  readonly route: string | null;
  readonly status: number;
  /** `ok`, or the error code. */
  readonly result: string;
  readonly durationMs: number;
  /** What went wrong, where nobody expected it. */
  readonly error: unknown;
}

/** What the gateway is built of. */
export interface GatewayParts extends Omit<RouteParts, 'timeoutMs'> {
  readonly http: HttpSettings;
  readonly health: () => HealthReport;
  readonly onAnswered: (answered: Answered) => void;
}

declare module 'fastify' {
  interface FastifyRequest {
    /** How the request was refused, and by what. */
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
  app.decorateRequest('engineKeys', null);
  app.decorateRequest('refused', null);
  app.addHook('onRequest', async (request, reply) => label(request, reply));
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

/** Both ids go out with every answer: the caller's own label, and the command's id, which the audit log has. */
const label = (request: FastifyRequest, reply: FastifyReply): void => {
  reply.header('x-request-id', nameOf(request));
  reply.header('x-command-id', request.id);
  reply.header('cache-control', 'no-store');
};

const nameOf = ({ headers, id }: FastifyRequest): string => requestLabel(headers['x-request-id']) ?? id;

const refuse = (request: FastifyRequest, reply: FastifyReply, refusal: Refusal, error?: unknown): void => {
  request.refused = { refusal, error };
  // Fastify means to close the connection of a body that is too large. With unread bytes on it TCP would reset it, and the
  // answer might be lost (RFC 9112 §9.6); so the rest is discarded, for no longer than a request may take.
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
  durationMs: reply.elapsedTime,
  error: request.refused?.refusal.code === 'internal' ? request.refused.error : undefined,
});
