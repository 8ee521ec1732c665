import { rm, writeFile } from 'node:fs/promises';

/** `.local/run.json`: the addresses of the running vault, for scripts and the CLI. */
export interface RunFile {
  /** Process id of `npm start`. A run file whose process has ended is left over from a killed start. */
  readonly pid: number;
  /** Base URL of the REST API. */
  readonly gateway: string;
  /** `host:port` of one or more brokers, separated by commas. */
  readonly kafka: string;
  /** Confluent-compatible base URL. */
  readonly registry: string;
  readonly redis: string;
  /** Path of the engines' credentials: `{id: {kid, key}}`. */
  readonly engines: string;
  /** Base URL of `/metrics`, `/healthz` and `/readyz` of each service. */
  readonly metrics: Readonly<Record<string, string>>;
  /** Environment variables of a process that calls providers. Secrets are given as file paths. */
  readonly providers: Readonly<Record<string, string>>;
}

/** Writes the run file, after all services are ready. */
export const writeRunFile = (path: string, content: RunFile): Promise<void> =>
  writeFile(path, `${JSON.stringify(content, null, 2)}\n`, { mode: 0o600 });

/** Removes the run file, before the services stop. */
export const removeRunFile = (path: string): Promise<void> => rm(path, { force: true });
