import type { EngineKeysFile } from './engine-keys-file.ts';

/** Asks the gateway in an engine's name, e.g. `ask('sync', '/get_token', {…})`. Rejects with the answer when it is an error. */
export type AskGateway = (
  engine: string,
  path: string,
  body: Readonly<Record<string, unknown>>,
) => Promise<Readonly<Record<string, unknown>>>;

/** For the gateway at a base URL, with the development engines' credentials. */
export const askGateway =
  (gateway: string, engines: EngineKeysFile): AskGateway =>
  (engine, path, body) =>
    postJson(`${gateway}${path}`, body, { 'x-engine-id': engine, 'x-engine-key': engines[engine]?.key ?? '' });

/** Posts JSON and answers the JSON that comes back. */
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
  return answer as Readonly<Record<string, unknown>>; // both servers answer objects
};
