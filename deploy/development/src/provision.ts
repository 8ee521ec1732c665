import { mkdir, readFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { applyTopics, type Bus, connectBus, createPublisher } from '@vault-engine/bus';
import { COMMAND_NAMES, openCodec, topicNames, topicSpecs } from '@vault-engine/contracts';
import { applySchemas } from '@vault-engine/contracts/apply-schemas';
import { administerEngines, type EngineAdministration, type EnginePolicy, readGrants } from '@vault-engine/engines';
import { openLocalWrapper } from '@vault-engine/kms';
import { openCatalog } from '@vault-engine/platforms';
import { applyPlatforms } from '@vault-engine/state/projecting';
import type { KeyWrapper } from '@vault-engine/vault';
import { done, type EngineKeysFile, ensureKeys, readKeysFile, writeKeysFile } from './engine-keys-file.ts';

/** Addresses and folders of the vault to set up. */
export interface Provisioning {
  readonly brokers: readonly string[];
  readonly registryUrl: string;
  /** Prefix of every topic name; may be empty. */
  readonly topicPrefix: string;
  /** Folder of the key file and the engines' credentials, which are created if missing. */
  readonly stateDir: string;
  /** Replication factor of new topics; default 1. */
  readonly replicationFactor?: number;
  /** Folders of further platform profiles. */
  readonly profileFolders?: readonly string[];
}

/** Result of {@link provision}. */
export interface Provisioned {
  /** The credentials of the development engines, one for `http` and one for `kafka` each. */
  readonly engines: EngineKeysFile;
  readonly enginesFile: string;
  readonly keyFile: string;
}

const PROFILES = fileURLToPath(new URL('../../../platform-profiles', import.meta.url));
const GRANTS = fileURLToPath(new URL('../../engines.yaml', import.meta.url));
/** Bound into every wrapped key as context; services with `VAULT_ENV=development` use the same value. */
const ENVIRONMENT = 'development';

/** Path of the key file. */
const keyFileOf = (stateDir: string): string => join(stateDir, 'keys', 'local.key');
/** Path of the engines' credentials. */
const enginesFileOf = (stateDir: string): string => join(stateDir, 'keys', 'engines.json');

/**
 * Sets up a vault; idempotent. Creates topics, registers schemas after a compatibility check, publishes platform names,
 * creates the key file, and applies `deploy/engines.yaml` with one credential per engine and use.
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
    throw new Error(`the registry has incompatible versions of these schemas: ${refused.join(', ')}`);
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
