import { rm, writeFile } from 'node:fs/promises';

/** What scripts find the running vault by: `.local/run.json`. */
export interface RunFile {
  /** The base URL of the REST interface. */
  readonly gateway: string;
  /** `host:port` of one or more brokers, commas between. */
  readonly kafka: string;
  /** The Confluent-compatible base URL. */
  readonly registry: string;
  readonly redis: string;
  /** The file of the engines' credentials: `{id: {kid, key}}`. */
  readonly engines: string;
  /** Where each service serves `/metrics`, `/healthz` and `/readyz`. */
  readonly metrics: Readonly<Record<string, string>>;
  /** What a process that asks providers for tokens is started with: variables of the environment. Secrets are paths of files. */
  readonly providers: Readonly<Record<string, string>>;
}

/** Written when all is ready, so that its presence says so. */
export const writeRunFile = (path: string, content: RunFile): Promise<void> =>
  writeFile(path, `${JSON.stringify(content, null, 2)}\n`, { mode: 0o600 });

/** Removed before anything stops. */
export const removeRunFile = (path: string): Promise<void> => rm(path, { force: true });
