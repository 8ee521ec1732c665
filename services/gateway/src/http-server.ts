import { randomUUID } from 'node:crypto';
import { createServer as createHttp, type RequestListener, type Server, type ServerResponse } from 'node:http';
import { createServer as createHttps } from 'node:https';
import type { Duplex } from 'node:stream';
import type { HttpSettings } from './config.ts';
import { errorBody, malformedAs, type Refusal } from './refusal.ts';

/** A slow sender occupies a connection no longer than this. */
const HEADERS_WITHIN_MS = 5_000;
const REQUEST_WITHIN_MS = 10_000;
/** Longer than load balancers keep idle connections (AWS: 60 s), so that none sends on a connection that is just closed. */
const KEEP_ALIVE_MS = 72_000;
const LARGEST_HEADERS = 8 * 1_024;

/** The HTTP or HTTPS server, with limits against slow senders. */
export const httpServer = ({ tls, timeoutMs }: HttpSettings, handler: RequestListener): Server => {
  const limits = {
    headersTimeout: HEADERS_WITHIN_MS,
    requestTimeout: REQUEST_WITHIN_MS,
    connectionsCheckingInterval: 1_000,
    keepAliveTimeout: KEEP_ALIVE_MS,
    maxHeaderSize: LARGEST_HEADERS,
    // A request without Host is answered by the gateway: Node's own answer is empty.
    requireHostHeader: false,
    noDelay: true,
  };
  const server = tls === null ? createHttp(limits, handler) : createHttps({ ...limits, ...tls }, handler);
  server.on('checkExpectation', (_request, response: ServerResponse) => answerExpectation(response));
  server.on('connect', (_request, socket: Duplex) => answerAndClose(socket, malformedAs(405), randomUUID()));
  // Closes a socket that is idle for longer than a request and its answer take together.
  server.setTimeout(REQUEST_WITHIN_MS + timeoutMs + 5_000);
  return server;
};

/** Answers bytes that are not HTTP, too slow or too large, before a request exists; then closes the connection. */
export const answerClientError = (
  error: Error & { readonly code?: string },
  socket: Duplex,
  requestId: string,
): void => {
  if (error.code === 'ECONNRESET' || !socket.writable) {
    socket.destroy();
    return;
  }
  answerAndClose(socket, malformedAs(STATUS_BY_CODE[error.code ?? ''] ?? 400), requestId);
};

/** RFC 9110 §10.1.1: the only expectation is 100-continue, which Node answers itself. */
const answerExpectation = (response: ServerResponse): void => {
  const requestId = randomUUID();
  const body = JSON.stringify(errorBody(malformedAs(417), requestId));
  response
    .writeHead(417, {
      connection: 'close',
      'content-type': 'application/json; charset=utf-8',
      'x-request-id': requestId,
      'content-length': Buffer.byteLength(body),
    })
    .end(body);
};

const answerAndClose = (socket: Duplex, refusal: Refusal, requestId: string): void => {
  const body = JSON.stringify(errorBody(refusal, requestId));
  socket.end(
    `HTTP/1.1 ${refusal.status} ${REASON[refusal.status] ?? 'Bad Request'}\r\nconnection: close\r\ncontent-type: application/json; charset=utf-8\r\n` +
      `x-request-id: ${requestId}\r\ncontent-length: ${Buffer.byteLength(body)}\r\n\r\n${body}`,
  );
};

const STATUS_BY_CODE: Readonly<Record<string, number>> = {
  ERR_HTTP_REQUEST_TIMEOUT: 408,
  HPE_HEADER_OVERFLOW: 431,
};
const REASON: Readonly<Record<number, string>> = {
  400: 'Bad Request',
  405: 'Method Not Allowed',
  408: 'Request Timeout',
  431: 'Request Header Fields Too Large',
};
