import { join } from 'node:path';
import { startComposed } from './compose.ts';
import { type LocalConfig, type PartAddresses, readLocalConfig } from './config.ts';
import { startContainers } from './containers.ts';
import { dockerAnswers } from './docker-engine.ts';
import { allOrEveryReason, MissingPart } from './missing-part.ts';
import type { Part, PartName, Placement, PreparedPart } from './part.ts';
import { parts } from './parts.ts';
import { freePort, isFree, portHolder } from './ports.ts';
import type { Log } from './progress.ts';
import { runPart } from './running-part.ts';
import { toolContext } from './tool-context.ts';

export type EnsureOptions<Name extends PartName> = {
  readonly names: readonly Name[];
  /** Data and logs of parts that run as processes: `<dataDir>/<part>/`, `<dataDir>/logs/<part>.log`. */
  readonly dataDir: string;
  /** `fixed` for development, where a second start finds what the first left; `free` for tests beside it. */
  readonly ports: 'fixed' | 'free';
  readonly log: Log;
  /** Where addresses, ports and folders are read: the process's own unless told otherwise. */
  readonly environment?: NodeJS.ProcessEnv;
};

export type Parts<Name extends PartName> = {
  readonly addresses: PartAddresses<Name>;
  /** Ends what was started here, in order; what was found stays. */
  stop(): Promise<void>;
};

/** Parts that were started here: their addresses, and how to end them. */
export type Started = { readonly addresses: Partial<Record<PartName, string>>; stop(): Promise<void> };

/**
 * Finds or starts the real parts: addresses of the environment, then a Docker engine that answers, then processes of this machine.
 *
 * @throws MissingPart, one line for each thing that is missing or in the way
 */
export async function ensureParts<Name extends PartName>(options: EnsureOptions<Name>): Promise<Parts<Name>> {
  const config = readLocalConfig(options.environment);
  const given = givenAddresses(config, options.names);
  const wanted = options.names.filter((name) => given[name] === undefined).map((name) => parts[name]);
  const started = wanted.length > 0 ? await start(config, wanted, options) : nothing;
  const addresses = { ...given, ...started.addresses };
  // Each name is either given or was started: start() fails otherwise.
  return { addresses: addresses as PartAddresses<Name>, stop: started.stop };
}

const nothing: Started = { addresses: {}, stop: async () => undefined };

function givenAddresses(config: LocalConfig, names: readonly PartName[]): Partial<Record<PartName, string>> {
  return Object.fromEntries(names.map((name) => [name, config.given(parts[name])]));
}

async function start(config: LocalConfig, wanted: readonly Part[], options: EnsureOptions<PartName>): Promise<Started> {
  if (config.source !== 'processes' && (await dockerAnswers(config.environment))) {
    const inDocker = await tryDocker(config, wanted, options);
    if (inDocker) return inDocker;
  } else if (config.source === 'docker') {
    throw new MissingPart('VAULT_PARTS=docker, but no Docker engine answers: start it, or leave VAULT_PARTS unset');
  }
  return startProcesses(config, wanted, options);
}

/** An engine that answers and cannot bring the parts up (no network to the images, no compose) is no reason to stop here. */
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
    options.log(`docker: ${error instanceof Error ? error.message : error}; taking processes of this machine instead`);
    return undefined;
  }
}

async function startProcesses(
  config: LocalConfig,
  wanted: readonly Part[],
  options: EnsureOptions<PartName>,
): Promise<Started> {
  const context = toolContext(config, options.log);
  const prepared = await allOrEveryReason(
    wanted.map(async (part) => {
      const at = await place(config, part, options);
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
  return { addresses: Object.fromEntries(running.map((part) => [part.name, part.address])), stop };
}

async function startOne(one: { part: Part; prepared: PreparedPart; at: Placement }, options: EnsureOptions<PartName>) {
  const began = performance.now();
  const running = await runPart(one.part, one.prepared, one.at, join(options.dataDir, 'logs', `${one.part.name}.log`));
  options.log(`${one.part.title}: ${running.address} (${((performance.now() - began) / 1000).toFixed(1)} s)`);
  return running;
}

async function place(config: LocalConfig, part: Part, options: EnsureOptions<PartName>): Promise<Placement> {
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
    `port ${port} of ${part.title} is taken by ${holder}: stop that, choose another port with ${part.portVariable}, or name a running one with ${part.addressVariable}`,
  );
}
