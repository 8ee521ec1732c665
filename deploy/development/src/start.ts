import { join } from 'node:path';
import {
  endAllChildren,
  endSignal,
  ensureParts,
  type Log,
  type Parts,
  runSteps,
  type Step,
  tryLock,
  untilAborted,
} from '@vault-engine/local';
import { type AskGateway, askGateway } from './ask-gateway.ts';
import { readStartConfig } from './config.ts';
import { DEMO, demoServerPlan, writeDemoPlatform } from './demo-platform.ts';
import { connectDemoUser, DEMO_USER, firstRoundTrip } from './first-calls.ts';
import { type Provisioned, provision } from './provision.ts';
import { removeRunFile, writeRunFile } from './run-file.ts';
import { type RunningVault, runVault } from './run-vault.ts';
import {
  authorizationServerPort,
  gatewayPort,
  refreshEnvironment,
  type ServicePlan,
  SYNC_ENGINE,
  servicePlans,
  syncEnginePlan,
  type VaultPlace,
} from './services.ts';
import { showPrompts } from './show-prompts.ts';
import { whatNext } from './what-next.ts';

/** `npm start`: starts everything step by step, runs until it is asked to end, and stops everything in reverse order. */
const { stateDir, firstPort, topicPrefix, keyPrefix, profileFolders } = readStartConfig(process.env);
const runFile = join(stateDir, 'run.json');
const partNames = ['kafka', 'registry', 'redis'] as const;
const log: Log = (line) => console.log(line);

process.exitCode = await start(endSignal());
// An interrupted start may leave handles open; they must not keep the process alive.
process.exit();

async function start(end: AbortSignal): Promise<number> {
  const held = await tryLock(join(stateDir, 'start.lock'));
  if (!held.ok) return fail(`npm start is already running for this state folder: stop it first (kill ${held.holder})`);
  try {
    return await runUntil(end);
  } catch (error) {
    return fail(error instanceof Error ? error.message : String(error));
  } finally {
    await endAllChildren();
    await held.lock.release();
  }
}

async function runUntil(end: AbortSignal): Promise<number> {
  const startedAt = performance.now();
  const crashed = Promise.withResolvers<string>();
  const asked = untilAborted(end);
  const stop = await Promise.race([runSteps(steps(crashed.resolve), log), asked]);
  if (stop === undefined) {
    log(`${end.reason}: stopping`);
    return 0;
  }
  log(`up in ${((performance.now() - startedAt) / 1000).toFixed(1)} s; Ctrl-C stops it`);
  const crash = await Promise.race([asked, crashed.promise]);
  log(crash ?? `${end.reason}: stopping`);
  await stop();
  return crash === undefined ? 0 : 1;
}

function steps(onCrash: (what: string) => void): Step[] {
  let parts: Parts<(typeof partNames)[number]>;
  let provisioned: Provisioned;
  let place: VaultPlace;
  let plans: readonly ServicePlan[];
  let ask: AskGateway;
  let vault: RunningVault;
  const stopping = new AbortController();
  return [
    {
      name: 'Kafka, registry, Redis',
      run: async () => {
        parts = await ensureParts({ names: partNames, dataDir: stateDir, ports: 'fixed', log });
      },
      stop: async () => parts?.stop(),
    },
    {
      name: 'topics, schemas, platforms, engines',
      run: async () => {
        const { kafka, registry: registryUrl, redis: redisUrl } = parts.addresses;
        const brokers = kafka.split(',');
        const demo = await writeDemoPlatform(stateDir, firstPort);
        const further = { ...demo, profileFolders: [...demo.profileFolders, ...profileFolders] };
        provisioned = await provision({
          brokers,
          registryUrl,
          topicPrefix,
          stateDir,
          profileFolders: further.profileFolders,
        });
        const { keyFile } = provisioned;
        place = {
          brokers,
          registryUrl,
          redisUrl,
          topicPrefix,
          keyPrefix,
          keyFile,
          firstPort,
          further,
        };
        plans = [demoServerPlan(place, stateDir), ...servicePlans(place), syncEnginePlan(place)];
        ask = askGateway(gatewayOf(place), provisioned.engines);
      },
    },
    {
      name: 'services',
      run: async () => {
        vault = await runVault({ place, plans, logDir: join(stateDir, 'logs'), log, onCrash });
      },
      stop: async () => vault?.stop(),
    },
    {
      name: 'first token stored, fetched and listed',
      run: () => firstRoundTrip(ask),
    },
    {
      name: `${DEMO_USER} connected to the platform ${DEMO}`,
      run: () => connectDemoUser(ask, `http://127.0.0.1:${authorizationServerPort(place)}`),
    },
    {
      name: 'prompts of the example engine',
      run: async () => followPrompts(vault, stopping.signal),
      stop: async () => stopping.abort(),
    },
    {
      name: `run file (${runFile})`,
      run: async () => {
        const { kafka, registry, redis } = parts.addresses;
        const metrics = Object.fromEntries(plans.map(({ name, operations }) => [name, operations]));
        await writeRunFile(runFile, {
          gateway: gatewayOf(place),
          kafka,
          registry,
          redis,
          engines: provisioned.enginesFile,
          metrics,
          providers: refreshEnvironment(place),
        });
        log(whatNext(gatewayOf(place), provisioned.enginesFile, join(stateDir, 'logs', 'authorization-server.log')));
      },
      stop: () => removeRunFile(runFile),
    },
  ];
}

function followPrompts({ services }: RunningVault, stopping: AbortSignal): void {
  const logFile = services.get(SYNC_ENGINE)?.logFile;
  if (logFile === undefined) throw new Error('the example engine is not running');
  showPrompts(logFile, log, stopping).catch((error) => log(`prompts of the example engine unavailable: ${error}`));
}

function gatewayOf(place: VaultPlace): string {
  return `http://127.0.0.1:${gatewayPort(place)}`;
}

function fail(line: string): number {
  console.error(line);
  return 1;
}
