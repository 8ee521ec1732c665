import { join } from 'node:path';
import {
  endAllChildren,
  endSignal,
  ensureParts,
  type Log,
  type Parts,
  runSteps,
  type Step,
  type Supervised,
  supervise,
  tryLock,
  untilAborted,
} from '@vault-engine/local';
import { type AskGateway, askGateway } from './ask-gateway.ts';
import { readStartConfig, type StartConfig } from './config.ts';
import { DEMO, demoServerPlan, writeDemoPlatform } from './demo-platform.ts';
import { connectDemoUser, DEMO_USER, firstRoundTrip } from './first-calls.ts';
import { type Provisioned, provision } from './provision.ts';
import { removeRunFile, writeRunFile } from './run-file.ts';
import { type RunningVault, runVault } from './run-vault.ts';
import {
  AUTHORIZATION_SERVER,
  authorizationServerPort,
  gatewayPort,
  refreshEnvironment,
  type ServicePlan,
  SYNC_ENGINE,
  servicePlans,
  syncEnginePlan,
  type VaultPlace,
} from './services.ts';
import { showPrompts, showRefreshes } from './show-prompts.ts';
import { unreadyParts } from './unready-parts.ts';
import { whatNext } from './what-next.ts';

/** Exit code for a configuration error: sysexits.h. */
const EX_CONFIG = 78;

/** `npm start`: starts everything step by step, runs until it is asked to end, and stops everything in reverse order. */
const { stateDir, firstPort, topicPrefix, keyPrefix, profileFolders } = readConfig();
const runFile = join(stateDir, 'run.json');
const partNames = ['kafka', 'registry', 'redis'] as const;
const log: Log = (line) => console.log(line);

process.exitCode = await start(endSignal());
// An interrupted start may leave handles open; they must not keep the process alive.
process.exit();

function readConfig(): StartConfig {
  try {
    return readStartConfig(process.env);
  } catch (error) {
    console.error(error instanceof Error ? error.message : String(error));
    process.exit(EX_CONFIG);
  }
}

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
  const stop = await Promise.race([runSteps(steps(end, crashed.resolve), log), asked]);
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

function steps(end: AbortSignal, onCrash: (what: string) => void): Step[] {
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
        vault = await runVault({ place, plans, logDir: join(stateDir, 'logs'), log, onCrash: () => undefined });
        keepRunning(parts, vault, plans, { onGiveUp: onCrash, stopping: AbortSignal.any([end, stopping.signal]) });
      },
      stop: async () => {
        stopping.abort();
        await vault?.stop();
      },
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
      name: `run file (${runFile})`,
      run: async () => {
        const { kafka, registry, redis } = parts.addresses;
        const metrics = Object.fromEntries(plans.map(({ name, operations }) => [name, operations]));
        await writeRunFile(runFile, {
          pid: process.pid,
          gateway: gatewayOf(place),
          kafka,
          registry,
          redis,
          engines: provisioned.enginesFile,
          metrics,
          providers: refreshEnvironment(place),
        });
        log(whatNext(gatewayOf(place), provisioned.enginesFile, join(stateDir, 'logs', 'authorization-server.log')));
        showActivity(vault, stopping.signal);
      },
      stop: async () => {
        stopping.abort();
        await removeRunFile(runFile);
      },
    },
  ];
}

/** Restarts parts and services that end, and logs every change of their state. */
function keepRunning(
  { running }: Parts<(typeof partNames)[number]>,
  { services }: RunningVault,
  plans: readonly ServicePlan[],
  options: { readonly onGiveUp: (what: string) => void; readonly stopping: AbortSignal },
): void {
  const supervisedParts = running.map(
    (part): Supervised => ({
      title: part.title,
      logFile: part.logFile,
      problem: async () => ((await part.isReady()) ? null : 'does not answer'),
      ended: () => part.ended(),
      restart: () => part.start(),
    }),
  );
  const supervisedServices = plans.flatMap(({ name, operations }): readonly Supervised[] => {
    const service = services.get(name);
    if (service === undefined) return [];
    const { logFile } = service;
    const problem = () => unreadyParts(`${operations}/readyz`);
    return [{ title: name, logFile, problem, ended: () => service.ended(), restart: () => service.restart() }];
  });
  supervise([...supervisedParts, ...supervisedServices], { log, ...options });
}

/** Prints prompts of the example engine and refreshes of the demonstration platform below the first calls. */
function showActivity({ services }: RunningVault, stopping: AbortSignal): void {
  const engine = services.get(SYNC_ENGINE);
  const server = services.get(AUTHORIZATION_SERVER);
  const unavailable = (error: unknown): void => log(`activity cannot be shown: ${error}`);
  if (engine !== undefined) showPrompts(engine.logFile, log, stopping).catch(unavailable);
  if (server !== undefined) showRefreshes(server.logFile, log, stopping).catch(unavailable);
}

function gatewayOf(place: VaultPlace): string {
  return `http://127.0.0.1:${gatewayPort(place)}`;
}

function fail(line: string): number {
  console.error(line);
  return 1;
}
