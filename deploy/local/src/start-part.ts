import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { readLocalConfig } from './config.ts';
import type { PartName } from './part.ts';
import { parts } from './parts.ts';
import { freePort } from './ports.ts';
import type { Log } from './progress.ts';
import { type RunningPart, runPart } from './running-part.ts';
import { toolContext } from './tool-context.ts';
import { removeAtEnd } from './watchdog.ts';

export type StartPartOptions = {
  /** Where its data stay; without it a folder that goes with the part. */
  readonly dataDir?: string;
  /** Without it a free one; it stays the same over `kill` and `start`. */
  readonly port?: number;
  /** Overrides in the part's own words: Kafka's and Redis's settings (`maxmemory`), the registry's and the KMS's environment. */
  readonly settings?: Readonly<Record<string, string>>;
  /** Kafka's, instead of those that suit a broker which lives long. */
  readonly javaOptions?: readonly string[];
  readonly log?: Log;
};

/**
 * Starts an instance of a part for the caller alone, as a process of this machine, and waits until it serves.
 * `stop()` removes its data unless the caller gave the folder.
 *
 * @throws MissingPart when the machine lacks something
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
