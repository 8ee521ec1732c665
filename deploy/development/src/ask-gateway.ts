import type { EngineKeysFile } from './engine-keys-file.ts';

/** Calls the gateway in an engine's name, e.g. `ask('sync', '/get_token', {…})`. Rejects with the body of an error response. */
export type AskGateway = (
  engine: string,
  path: string,
  body: Readonly<Record<string, unknown>>,
) => Promise<Readonly<Record<string, unknown>>>;

/** Opens {@link AskGateway} for a base URL and the credentials of the development engines. */
export const askGateway =
  (gateway: string, engines: EngineKeysFile): AskGateway =>
  (engine, path, body) =>
    postJson(`${gateway}${path}`, body, { 'x-engine-id': engine, 'x-engine-key': engines[engine]?.key ?? '' });

/** Posts JSON and returns the JSON of the response. */
export const postJson = async (
  url: string,
  body: Readonly<Record<string, unknown>>,
  headers: Readonly<Record<string, string>> = {},
): Promise<Readonly<Record<string, unknown>>> => {
  const response = await fetch(url, {
    method: 'POST',
    headers: { 'content-type': 'application/json', ...headers },
    body: JSON.stringify(body),
    signal: AbortSignal.timeout(15_000),
  });
  const answer: unknown = await response.json();
  if (!response.ok) throw new Error(`${new URL(url).pathname} answers ${response.status} ${JSON.stringify(answer)}`);
  return answer as Readonly<Record<string, unknown>>; // gateway and authorization server return objects
};
