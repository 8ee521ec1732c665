import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { readLocalConfig } from './config.ts';
import { toolContext } from './debian-package.ts';
import type { PartName } from './part.ts';
import { parts } from './parts.ts';
import { freePort } from './ports.ts';
import type { Log } from './progress.ts';
import { type RunningPart, runPart } from './running-part.ts';
import { removeAtEnd } from './watchdog.ts';

export type StartPartOptions = {
  /** Data folder; default: a temporary folder that is removed on `stop`. */
  readonly dataDir?: string;
  /** Default: a free port. Unchanged by `kill` and `start`. */
  readonly port?: number;
  /** Overrides: settings of Kafka and Redis (`maxmemory`), environment variables of the registry and the KMS. */
  readonly settings?: Readonly<Record<string, string>>;
  /** Replaces the Java options of Kafka, which suit a long-lived broker. */
  readonly javaOptions?: readonly string[];
  readonly log?: Log;
};

/**
 * Starts a separate instance of a part as a process of this machine, and waits until it serves requests.
 * `stop()` removes its data unless `dataDir` was given.
 *
 * @throws MissingPart if a program is missing
 */
export async function startPart(name: PartName, options: StartPartOptions = {}): Promise<RunningPart> {
  const part = parts[name];
  const prepared = await part.prepare(toolContext(readLocalConfig(), options.log ?? (() => undefined)));
  const dataDir = options.dataDir ?? (await temporaryFolder(name));
  const port = options.port ?? (await freePort());
  const { settings = {}, javaOptions } = options;
  const at = { port, sidePort: await freePort(), dataDir, settings, ...(javaOptions && { javaOptions }) };
  const running = await runPart(part, prepared, at, join(dataDir, `${name}.log`));
  if (options.dataDir !== undefined) return running;
  const stop = async () => {
    await running.stop();
    await rm(dataDir, { recursive: true, force: true });
  };
  return { ...running, stop };
}

async function temporaryFolder(name: PartName): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), `vault-engine-${name}-`));
  removeAtEnd(folder);
  return folder;
}
