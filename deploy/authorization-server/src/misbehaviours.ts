import type { ServerResponse } from 'node:http';
import { sendJson } from './open-server.ts';

/** How one request is met, after it was read whole. `right` is what a provider in order would answer. */
export type Behaviour = (response: ServerResponse, right: TokenAnswer) => void;

/** What the token endpoint answers when it does what RFC 6749 §5.1 says. */
export interface TokenAnswer {
  readonly access_token: string;
  readonly refresh_token: string;
  readonly token_type: 'Bearer';
  readonly expires_in: number;
}

const MIB = 1024 * 1024;

/** New tokens, with `changes`: a field that is undefined is left out. */
export const refresh =
  (changes: Readonly<Record<string, unknown>> = {}): Behaviour =>
  (response, right) =>
    sendJson(response, 200, { ...right, ...changes });

/** A status and whatever is to be sent with it. */
export const answer =
  (status: number, body: unknown, headers: Readonly<Record<string, string>> = {}): Behaviour =>
  (response) =>
    sendJson(response, status, body, headers);

/** Another behaviour, `ms` milliseconds later. */
export const slow =
  (ms: number, then: Behaviour = refresh()): Behaviour =>
  (response, right) => {
    const timer = setTimeout(() => then(response, right), ms);
    response.once('close', () => clearTimeout(timer));
  };

/** No answer at all, for as long as the caller waits. */
export const hang = (): Behaviour => () => undefined;

export const serverError = (): Behaviour => answer(500, { error: 'server_error' });

/** RFC 6585 §4; in seconds, or as a date. */
export const throttle = (retryAfter: number | string): Behaviour =>
  answer(429, { error: 'rate_limited' }, { 'retry-after': String(retryAfter) });

/** Status 200, and an error in the body. */
export const errorWithStatus200 = (error = 'invalid_grant'): Behaviour => answer(200, { error });

/** Status 200, and `ok: false` beside the error, as chat providers have it. */
export const notOk = (error = 'token_revoked'): Behaviour => answer(200, { ok: false, error });

export const withoutExpiry = (): Behaviour => refresh({ expires_in: undefined });

export const withoutRefreshToken = (): Behaviour => refresh({ refresh_token: undefined });

/** A page of a proxy that stands before the provider. */
export const html =
  (status = 200): Behaviour =>
  (response) => {
    response.writeHead(status, { 'content-type': 'text/html' }).end('<html><body>Please sign in</body></html>');
  };

/** An answer of 50 MiB, sent as fast as the caller reads, until it hangs up. */
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

/** The right answer under a type that it is not. */
export const wrongContentType =
  (type = 'text/plain'): Behaviour =>
  (response, right) => {
    response.writeHead(200, { 'content-type': type }).end(JSON.stringify(right));
  };

export const invalidClient = (): Behaviour => answer(401, { error: 'invalid_client' });

/** Once: what follows it in the script, or the right answer. */
export const invalidGrant = (): Behaviour => answer(400, { error: 'invalid_grant' });

/** The request was read whole, and then the connection ends. */
export const cut = (): Behaviour => (response) => {
  response.destroy();
};
