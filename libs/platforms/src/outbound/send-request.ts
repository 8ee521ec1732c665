import { type Agent, type ClientRequest, type IncomingMessage, request as openHttp } from 'node:http';
import { request as openHttps } from 'node:https';
import type { LookupFunction, Socket } from 'node:net';
import type { AnswerHeaders } from '../answer/read-answer.ts';
import type { AddressRule } from './check-addresses.ts';
import { codeOf, type Exchange, notSentReason, type OutboundRequest } from './exchange.ts';

/** How a request is sent. */
export interface SendOptions {
  readonly agent: Agent;
  readonly lookup: LookupFunction;
  readonly rule: AddressRule;
  readonly timeoutMs: number;
  readonly maxBodyBytes: number;
}

/** How far a request got. */
interface Progress {
  connected: boolean;
  sent: boolean;
  head: { readonly status: number; readonly retryAfter: string | null } | null;
}

/**
 * Sends one request and reads its answer. Nothing is written before the connection is established, TLS included, so every
 * failure is known to be before or after the provider could see the request.
 */
export const sendRequest = (request: OutboundRequest, options: SendOptions): Promise<Exchange> =>
  new Promise((resolve) => {
    const progress: Progress = { connected: false, sent: false, head: null };
    const outgoing = open(request, options);
    const finish = (exchange: Exchange): void => {
      clearTimeout(timer);
      resolve(exchange);
    };
    const abandon = (exchange: Exchange): void => {
      finish(exchange);
      outgoing.destroy();
    };
    const timer = setTimeout(() => abandon(failure(progress, 'timeout')), options.timeoutMs);

    outgoing.on('error', (error) => finish(failure(progress, error)));
    outgoing.once('socket', (socket: Socket) =>
      whenConnected(socket, progress, () => {
        if (request.cancelled?.aborted) return abandon({ kind: 'not_sent', reason: 'cancelled' });
        if (!options.rule(socket.remoteAddress ?? '')) return abandon({ kind: 'not_sent', reason: 'address_refused' });
        progress.sent = true;
        outgoing.end(request.body ?? undefined);
      }),
    );
    outgoing.once('response', (answer) => {
      progress.head = { status: answer.statusCode ?? 0, retryAfter: answer.headers['retry-after'] ?? null };
      readBody(answer, options.maxBodyBytes, {
        whole: (body) =>
          finish({ kind: 'answered', status: 0, retryAfter: null, ...progress.head, headers: headersOf(answer), body }),
        tooLarge: () =>
          abandon({ kind: 'cut_short', status: 0, retryAfter: null, ...progress.head, reason: 'answer_too_large' }),
        cut: () => finish(failure(progress, 'cut')),
      });
    });
  });

const open = ({ url, method, headers, body }: OutboundRequest, { agent, lookup }: SendOptions): ClientRequest =>
  (url.protocol === 'https:' ? openHttps : openHttp)(url, {
    method,
    agent,
    lookup,
    headers: { ...headers, ...(method !== 'GET' && { 'content-length': String(body?.length ?? 0) }) },
  });

const headersOf = ({ headers }: IncomingMessage): AnswerHeaders => ({
  contentEncoding: headers['content-encoding'] ?? null,
  wwwAuthenticate: headers['www-authenticate'] ?? null,
});

/** Calls `ready` once the socket can carry a request: for a reused connection at once. */
const whenConnected = (socket: Socket, progress: Progress, ready: () => void): void => {
  const isTls = 'encrypted' in socket;
  const handshaking = 'secureConnecting' in socket && socket.secureConnecting === true;
  if (!socket.connecting && !handshaking) {
    ready();
    return;
  }
  socket.once('connect', () => {
    progress.connected = true;
  });
  socket.once(isTls ? 'secureConnect' : 'connect', ready);
};

/** The exchange that a failure ends, by how far the request got. */
const failure = ({ head, sent, connected }: Progress, error: Error | 'timeout' | 'cut'): Exchange => {
  if (head) return { kind: 'cut_short', ...head, reason: error === 'timeout' ? 'timeout' : 'answer_cut' };
  if (error === 'cut') return { kind: 'unanswered', reason: 'connection_cut' };
  if (!sent) return { kind: 'not_sent', reason: notSentReason(error, connected) };
  if (error === 'timeout') return { kind: 'unanswered', reason: 'timeout' };
  return { kind: 'unanswered', reason: codeOf(error).startsWith('HPE_') ? 'answer_malformed' : 'connection_cut' };
};

interface BodyEvents {
  readonly whole: (body: Buffer) => void;
  readonly tooLarge: () => void;
  readonly cut: () => void;
}

const readBody = (answer: IncomingMessage, maxBytes: number, events: BodyEvents): void => {
  const chunks: Buffer[] = [];
  let bytes = 0;
  answer.on('data', (chunk: Buffer) => {
    bytes += chunk.length;
    if (bytes > maxBytes) events.tooLarge();
    else chunks.push(chunk);
  });
  // `close` follows, and `complete` then tells whether the body was whole.
  answer.on('error', () => undefined);
  answer.once('close', () => (answer.complete ? events.whole(Buffer.concat(chunks)) : events.cut()));
};
