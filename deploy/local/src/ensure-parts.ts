import { join } from 'node:path';
import { type LocalConfig, type PartAddresses, readLocalConfig } from './config.ts';
import { toolContext } from './debian-package.ts';
import { dockerAnswers, startComposed, startContainers } from './docker.ts';
import { allOrEveryReason, MissingPart } from './missing-part.ts';
import type { Part, PartName, Placement, PreparedPart, Started } from './part.ts';
import { parts } from './parts.ts';
import { freePort, isFree, portHolder } from './ports.ts';
import type { Log } from './progress.ts';
import { type RunningPart, runPart } from './running-part.ts';

export type EnsureOptions<Name extends PartName> = {
  readonly names: readonly Name[];
  /** Data and logs of parts that run as processes: `<dataDir>/<part>/`, `<dataDir>/logs/<part>.log`. */
  readonly dataDir: string;
  /** `fixed` for `npm start`, so that a second start finds the data of the first; `free` for tests. */
  readonly ports: 'fixed' | 'free';
  readonly log: Log;
  /** Source of addresses, ports and folders; default: the environment of this process. */
  readonly environment?: NodeJS.ProcessEnv;
};

export type Parts<Name extends PartName> = {
  readonly addresses: PartAddresses<Name>;
  /** The parts that run as processes of this machine. */
  readonly running: readonly RunningPart[];
  /** Stops the started parts; parts given by address keep running. */
  stop(): Promise<void>;
};

/**
 * Finds or starts the real parts: by an address in the environment, else by a Docker engine, else as processes of this machine.
 *
 * @throws MissingPart with one line for each missing program or occupied port
 */
export async function ensureParts<Name extends PartName>(options: EnsureOptions<Name>): Promise<Parts<Name>> {
  const config = readLocalConfig(options.environment);
  const given = givenAddresses(config, options.names);
  const wanted = options.names.filter((name) => given[name] === undefined).map((name) => parts[name]);
  const started = wanted.length > 0 ? await start(config, wanted, options) : nothing;
  const addresses = { ...given, ...started.addresses };
  // Complete: start() throws unless every wanted part was started.
  return { addresses: addresses as PartAddresses<Name>, running: started.running ?? [], stop: started.stop };
}

type StartedHere = Started & { readonly running?: readonly RunningPart[] };

const nothing: StartedHere = { addresses: {}, stop: async () => undefined };

function givenAddresses(config: LocalConfig, names: readonly PartName[]): Partial<Record<PartName, string>> {
  return Object.fromEntries(names.map((name) => [name, config.given(parts[name])]));
}

async function start(
  config: LocalConfig,
  wanted: readonly Part[],
  options: EnsureOptions<PartName>,
): Promise<StartedHere> {
  if (config.source !== 'processes' && (await dockerAnswers(config.environment))) {
    const inDocker = await tryDocker(config, wanted, options);
    if (inDocker) return inDocker;
  } else if (config.source === 'docker') {
    throw new MissingPart('VAULT_PARTS is docker, but no Docker engine answers: start it, or unset VAULT_PARTS');
  }
  return startProcesses(config, wanted, options);
}

/** With `auto`, an engine that cannot start the parts (no access to the images, no compose) is replaced by processes. */
async function tryDocker(
  config: LocalConfig,
  wanted: readonly Part[],
  options: EnsureOptions<PartName>,
): Promise<Started | undefined> {
  try {
    if (options.ports === 'free') return await startContainers(wanted, options.log);
    return await startComposed(config, wanted, options.log);
  } catch (error) {
    if (config.source === 'docker') throw error;
    options.log(`docker: ${error instanceof Error ? error.message : error}; starting processes instead`);
    return undefined;
  }
}

async function startProcesses(
  config: LocalConfig,
  wanted: readonly Part[],
  options: EnsureOptions<PartName>,
): Promise<StartedHere> {
  const context = toolContext(config, options.log);
  const prepared = await allOrEveryReason(
    wanted.map(async (part) => {
      const at = await placementOf(config, part, options);
      return { part, prepared: await part.prepare(context), at };
    }),
  );
  const started = await Promise.allSettled(prepared.map((one) => startOne(one, options)));
  const running = started.filter((result) => result.status === 'fulfilled').map((result) => result.value);
  const stop = async () => {
    await Promise.all(running.map((part) => part.stop()));
  };
  const failed = started.find((result) => result.status === 'rejected');
  if (failed) {
    await stop();
    throw failed.reason;
  }
  return { addresses: Object.fromEntries(running.map((part) => [part.name, part.address])), running, stop };
}

async function startOne(one: { part: Part; prepared: PreparedPart; at: Placement }, options: EnsureOptions<PartName>) {
  const began = performance.now();
  const running = await runPart(one.part, one.prepared, one.at, join(options.dataDir, 'logs', `${one.part.name}.log`));
  options.log(`${one.part.title}: ${running.address} (${((performance.now() - began) / 1000).toFixed(1)} s)`);
  return running;
}

async function placementOf(config: LocalConfig, part: Part, options: EnsureOptions<PartName>): Promise<Placement> {
  const dataDir = join(options.dataDir, part.name);
  if (options.ports === 'free') return { port: await freePort(), sidePort: await freePort(), dataDir, settings: {} };
  const port = config.port(part);
  await mustBeFree(part, port);
  return { port, sidePort: await freePort(), dataDir, settings: {} };
}

async function mustBeFree(part: Part, port: number): Promise<void> {
  if (await isFree(port)) return;
  const holder = (await portHolder(port)) ?? 'another process';
  throw new MissingPart(
    `port ${port} of ${part.title} is in use by ${holder}: stop it, set ${part.portVariable} to another port, or set ${part.addressVariable} to a running instance`,
  );
}
