import { mkdir, readFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { applyTopics, type Bus, connectBus, createPublisher } from '@vault-engine/bus';
import { applySchemas, COMMAND_NAMES, openCodec, topicNames, topicSpecs } from '@vault-engine/contracts';
import { administerEngines, type EngineAdministration, type EnginePolicy, readGrants } from '@vault-engine/engines';
import { openLocalWrapper } from '@vault-engine/kms';
import { openCatalog } from '@vault-engine/platforms';
import { applyPlatforms } from '@vault-engine/state';
import type { KeyWrapper } from '@vault-engine/vault';
import { done, type EngineKeysFile, ensureKeys, readKeysFile, writeKeysFile } from './engine-keys-file.ts';

/** What the vault of one machine is set up with. */
export interface Provisioning {
  readonly brokers: readonly string[];
  readonly registryUrl: string;
  /** Before every topic; empty for the names of the design. */
  readonly topicPrefix: string;
  /** Holds the key file and the engines' credentials: made where they are missing, kept where they are there. */
  readonly stateDir: string;
  /** How many brokers keep each topic; 1 where nothing is said. */
  readonly replicationFactor?: number;
  /** Folders of further platform profiles. */
  readonly profileFolders?: readonly string[];
}

/** What was set up. */
export interface Provisioned {
  /** The credentials of the development engines, an `http` and a `kafka` one each. */
  readonly engines: EngineKeysFile;
  readonly enginesFile: string;
  readonly keyFile: string;
}

const PROFILES = fileURLToPath(new URL('../../../platform-profiles', import.meta.url));
const GRANTS = fileURLToPath(new URL('../../engines.yaml', import.meta.url));
/** What is bound into every wrapped key; services with `VAULT_ENV=development` bind the same. */
const ENVIRONMENT = 'development';

/** Where the key file of a state folder is. */
const keyFileOf = (stateDir: string): string => join(stateDir, 'keys', 'local.key');
/** Where the credentials of a state folder's engines are. */
const enginesFileOf = (stateDir: string): string => join(stateDir, 'keys', 'engines.json');

/**
 * Sets a vault up, and changes nothing where it is set up already: topics, schemas after a compatibility check, the
 * platforms' names, the key file, the engines of `deploy/engines.yaml` with their grants, and a credential of each use for each of them.
 */
export const provision = async ({
  brokers,
  registryUrl,
  topicPrefix,
  stateDir,
  replicationFactor = 1,
  profileFolders = [],
}: Provisioning): Promise<Provisioned> => {
  const policies = await readPolicies();
  const bus = connectBus({ brokers, clientId: 'provision' });
  const specs = topicSpecs({ prefix: topicPrefix, engines: [...policies.keys()], environment: ENVIRONMENT });
  await applyTopics(bus, specs, { replicationFactor });
  const schemas = await applySchemas(registryUrl);
  const refused = schemas.subjects.filter(({ state }) => state === 'incompatible').map(({ subject }) => subject);
  if (refused.length > 0)
    throw new Error(`the registry holds schemas that these are not compatible with: ${refused.join(', ')}`);
  await namePlatforms(bus, registryUrl, topicPrefix, [PROFILES, ...profileFolders]);

  const keyFile = keyFileOf(stateDir);
  await mkdir(dirname(keyFile), { recursive: true, mode: 0o700 });
  const wrapper = await openLocalWrapper({ keyFile, create: true });
  const enginesFile = enginesFileOf(stateDir);
  const engines = await withEngines({ bus, registryUrl, topicPrefix, wrapper }, async (administration) => {
    for (const [engine, policy] of policies) done(await administration.setPolicy(engine, policy));
    return ensureKeys(administration, [...policies.keys()], await readKeysFile(enginesFile));
  });
  await writeKeysFile(enginesFile, engines);
  return { engines, enginesFile, keyFile };
};

const namePlatforms = async (
  bus: Bus,
  registryUrl: string,
  topicPrefix: string,
  folders: readonly string[],
): Promise<void> => {
  const publisher = createPublisher(bus);
  const codec = await openCodec({ registryUrl, types: ['PlatformEntry'] });
  const topic = topicNames(topicPrefix).platforms;
  try {
    await applyPlatforms(
      { bus, codec, publisher, topic },
      (await openCatalog(folders, { allowInsecureLoopback: true })).all(),
    );
  } finally {
    await publisher.close();
  }
};

const readPolicies = async (): Promise<ReadonlyMap<string, EnginePolicy>> => {
  const grants = readGrants(await readFile(GRANTS, 'utf8'), COMMAND_NAMES);
  if (grants.ok) return grants.value;
  throw new Error(`deploy/engines.yaml: ${grants.faults.map(({ path, problem }) => `${path}: ${problem}`).join('; ')}`);
};

const withEngines = async <T>(
  {
    bus,
    registryUrl,
    topicPrefix,
    wrapper,
  }: { bus: Bus; registryUrl: string; topicPrefix: string; wrapper: KeyWrapper },
  use: (administration: EngineAdministration) => Promise<T>,
): Promise<T> => {
  const publisher = createPublisher(bus);
  const administration = await administerEngines({
    bus,
    publisher,
    codec: await openCodec({ registryUrl }),
    topic: topicNames(topicPrefix).engines,
    wrapper,
    environment: ENVIRONMENT,
    now: Date.now,
    onRefused: () => undefined,
    onWaiting: () => undefined,
    onFatal: () => undefined,
  });
  try {
    return await use(administration);
  } finally {
    await administration.close();
    await publisher.close();
  }
};
