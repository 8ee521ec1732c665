import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type Bus, connectBus, readTopic } from '@vault-engine/bus';
import { connectVault, type VaultClient } from '@vault-engine/client';
import { type Codec, openCodec, type Records, type TopicNames, topicNames } from '@vault-engine/contracts';
import {
  type EngineKeysFile,
  type FurtherPlatform,
  gatewayPort,
  plan,
  provision,
  type RunningVault,
  runVault,
  type ServicePlan,
  servicePlans,
  type VaultPlace,
  writePlatforms,
} from '@vault-engine/development';
import { freePort } from '@vault-engine/local';
import { openWorld, type World } from '@vault-engine/world';

/** A whole vault in a fresh world: its own topics, keys, engines, and services in processes of their own. */
export interface TestVault {
  readonly world: World;
  readonly place: VaultPlace;
  readonly topics: TopicNames;
  readonly engines: EngineKeysFile;
  readonly bus: Bus;
  readonly codec: Codec;
  readonly gateway: string;
  readonly logDir: string;
  readonly stateDir: string;
  readonly running: RunningVault;
  /** A client of an engine, closed with the vault. */
  readonly client: (engine: string, timeoutMs?: number) => Promise<VaultClient>;
  /** Starts one more service, e.g. a second worker; stopped with the vault. */
  readonly start: (name: string, service: string, env?: Readonly<Record<string, string>>) => Promise<RunningVault>;
  /** What services ended that nobody stopped, in words. */
  readonly crashes: readonly string[];
  /** All records of a topic, decoded, in the order of each partition. */
  readonly read: <Name extends keyof Records>(topic: string, name: Name) => Promise<readonly Records[Name][]>;
  readonly close: () => Promise<void>;
}

/** What a test has otherwise. */
export interface TestVaultOptions {
  /** Parts of the test's own instead of those that all tests share. */
  readonly parts?: Partial<Pick<VaultPlace, 'brokers' | 'registryUrl' | 'redisUrl'>>;
  /** Which services to start; worker and gateway where nothing is said. */
  readonly services?: readonly string[] | 'all';
  readonly env?: Readonly<Record<string, string>>;
  /** How many brokers keep each topic; 1 where nothing is said. */
  readonly replicationFactor?: number;
  /** Platforms beside those of `platform-profiles`: all services and the command line know them. */
  readonly platforms?: readonly FurtherPlatform[];
}

/** Its services count theirs from the first one. */
const PORTS_OF_A_VAULT = 10;

/** Opens a vault. Rejects, with nothing left running, when a service does not get ready. */
export const openVault = async ({
  parts = {},
  services = ['command-worker', 'gateway'],
  env = {},
  replicationFactor = 1,
  platforms = [],
}: TestVaultOptions = {}): Promise<TestVault> => {
  const world = await openWorld();
  const { topicPrefix } = world;
  const stateDir = await mkdtemp(join(tmpdir(), 'vault-engine-test-'));
  const shared = { brokers: world.brokers, registryUrl: world.registryUrl, redisUrl: world.redisUrl, ...parts };
  const further = await writePlatforms(stateDir, platforms);
  const { profileFolders } = further;
  const { engines, keyFile } = await provision({ ...shared, topicPrefix, stateDir, replicationFactor, profileFolders });
  const place: VaultPlace = {
    ...shared,
    topicPrefix,
    keyPrefix: `${world.keyPrefix}vault`,
    keyFile,
    firstPort: await freePort(PORTS_OF_A_VAULT),
    further,
  };
  const logDir = join(stateDir, 'logs');
  const ofThese = (plans: readonly ServicePlan[]) =>
    plans
      .filter(({ name }) => services === 'all' || services.includes(name))
      .map((each) => ({ ...each, env: { ...each.env, ...env } }));
  const bus = connectBus({ brokers: shared.brokers, clientId: 'test' });
  const codec = await openCodec({ registryUrl: shared.registryUrl });
  const crashes: string[] = [];
  const run = (plans: readonly ServicePlan[]) =>
    runVault({ place, plans, logDir, log: () => undefined, onCrash: (what) => crashes.push(what) });
  const running = await run(ofThese(servicePlans(place)));
  const opened: (() => Promise<void>)[] = [() => running.stop()];
  return {
    world,
    place,
    topics: topicNames(topicPrefix),
    engines,
    bus,
    codec,
    gateway: `http://127.0.0.1:${gatewayPort(place)}`,
    logDir,
    stateDir,
    running,
    crashes,
    client: async (engine, timeoutMs = 15_000) => {
      const credential = engines[engine]?.kafka.key ?? '';
      const client = await connectVault({ ...shared, engine, credential, topicPrefix, timeoutMs });
      opened.push(() => client.close());
      return client;
    },
    start: async (name, service, more = {}) => {
      // A port of its own: a test may start more of them than there are free ports in a row.
      const offset = (await freePort()) - place.firstPort;
      const one = await run([{ ...plan(place, service, offset, { ...env, ...more }), name }]);
      opened.push(() => one.stop());
      return one;
    },
    read: (topic, name) => readAll(bus, codec, topic, name),
    close: async () => {
      await Promise.all(opened.map((close) => close()));
      await world.close();
      await rm(stateDir, { recursive: true, force: true });
      if (crashes.length > 0) throw new Error(`a service ended that nobody stopped: ${crashes.join('\n')}`);
    },
  };
};

const readAll = async <Name extends keyof Records>(
  bus: Bus,
  codec: Codec,
  topic: string,
  name: Name,
): Promise<readonly Records[Name][]> => {
  const records: Records[Name][] = [];
  for await (const { value } of readTopic(bus, topic)) {
    const decoded = await codec.decode(value);
    if (decoded.ok && decoded.name === name) records.push(decoded.value as Records[Name]); // the name says so
  }
  return records;
};
