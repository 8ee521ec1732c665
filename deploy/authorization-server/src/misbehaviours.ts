import type { ServerResponse } from 'node:http';
import { sendJson } from './open-server.ts';

/** The reaction to one request that was read whole. `right` is the answer of a correct provider. */
export type Behaviour = (response: ServerResponse, right: TokenAnswer) => void;

/** A successful token response (RFC 6749 §5.1). */
export interface TokenAnswer {
  readonly access_token: string;
  readonly refresh_token: string;
  readonly token_type: 'Bearer';
  readonly expires_in: number;
}

const MIB = 1024 * 1024;

/** Answers with new tokens and `changes`. A field that is undefined is left out. */
export const refresh =
  (changes: Readonly<Record<string, unknown>> = {}): Behaviour =>
  (response, right) =>
    sendJson(response, 200, { ...right, ...changes });

/** Answers with this status, JSON body and headers. */
export const answer =
  (status: number, body: unknown, headers: Readonly<Record<string, string>> = {}): Behaviour =>
  (response) =>
    sendJson(response, status, body, headers);

/** Behaves as `then`, `ms` milliseconds later. */
export const slow =
  (ms: number, then: Behaviour = refresh()): Behaviour =>
  (response, right) => {
    const timer = setTimeout(() => then(response, right), ms);
    response.once('close', () => clearTimeout(timer));
  };

/** Never answers. */
export const hang = (): Behaviour => () => undefined;

export const serverError = (): Behaviour => answer(500, { error: 'server_error' });

/** Status 429 (RFC 6585 §4) with `Retry-After` in seconds or as a date. */
export const throttle = (retryAfter: number | string): Behaviour =>
  answer(429, { error: 'rate_limited' }, { 'retry-after': String(retryAfter) });

/** Status 200 with an error in the body. */
export const errorWithStatus200 = (error = 'invalid_grant'): Behaviour => answer(200, { error });

/** Status 200 with `ok: false` and an error in the body. */
export const notOk = (error = 'token_revoked'): Behaviour => answer(200, { ok: false, error });

export const withoutExpiry = (): Behaviour => refresh({ expires_in: undefined });

export const withoutRefreshToken = (): Behaviour => refresh({ refresh_token: undefined });

/** An HTML page, as of a proxy in front of the provider. */
export const html =
  (status = 200): Behaviour =>
  (response) => {
    response.writeHead(status, { 'content-type': 'text/html' }).end('<html><body>Please sign in</body></html>');
  };

/** An answer of `mebibytes` MiB, sent as fast as the caller reads it and until the caller closes the connection. */
export const huge =
  (mebibytes = 50): Behaviour =>
  (response, right) => {
    response.writeHead(200, { 'content-type': 'application/json' });
    response.write(JSON.stringify({ ...right, filler: '' }).slice(0, -2));
    let left = mebibytes;
    const more = (): void => {
      if (response.destroyed) return;
      left -= 1;
      if (left < 0) response.end('"}');
      else if (response.write('x'.repeat(MIB))) setImmediate(more);
      else response.once('drain', more);
    };
    more();
  };

export const redirect =
  (to: string, status = 307): Behaviour =>
  (response) => {
    response.writeHead(status, { location: to }).end();
  };

/** The right answer with a wrong content type. */
export const wrongContentType =
  (type = 'text/plain'): Behaviour =>
  (response, right) => {
    response.writeHead(200, { 'content-type': type }).end(JSON.stringify(right));
  };

export const invalidClient = (): Behaviour => answer(401, { error: 'invalid_client' });

export const invalidGrant = (): Behaviour => answer(400, { error: 'invalid_grant' });

/** Closes the connection after the request was read whole. */
export const cut = (): Behaviour => (response) => {
  response.destroy();
};

/** The right answer with `changes`, its JSON encoded by `encode`, e.g. compressed, and sent with `headers`. */
export const encoded =
  (
    encode: (json: Buffer) => Buffer,
    headers: Readonly<Record<string, string>> = {},
    changes: Readonly<Record<string, unknown>> = {},
  ): Behaviour =>
  (response, right) => {
    const body = encode(Buffer.from(JSON.stringify({ ...right, ...changes })));
    response.writeHead(200, { 'content-type': 'application/json', ...headers }).end(body);
  };

/** The right answer as a form, as servers send it that follow an early draft of OAuth 2.0. */
export const form =
  (type = 'application/x-www-form-urlencoded'): Behaviour =>
  (response, right) => {
    const fields = Object.entries(right).map(([name, value]) => [name, String(value)] satisfies [string, string]);
    response.writeHead(200, { 'content-type': type }).end(new URLSearchParams(fields).toString());
  };

/** An error as a form. */
export const formError =
  (error: string, status = 200): Behaviour =>
  (response) => {
    response
      .writeHead(status, { 'content-type': 'application/x-www-form-urlencoded' })
      .end(new URLSearchParams({ error, error_description: 'not repeated' }).toString());
  };
