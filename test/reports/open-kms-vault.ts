import { randomUUID } from 'node:crypto';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { CreateAliasCommand, CreateKeyCommand, KMSClient, UpdateAliasCommand } from '@aws-sdk/client-kms';
import { applyTopics, connectBus, createPublisher } from '@vault-engine/bus';
import { connectVault, type VaultClient } from '@vault-engine/client';
import { COMMAND_NAMES, openCodec, topicNames, topicSpecs } from '@vault-engine/contracts';
import { applySchemas } from '@vault-engine/contracts/apply-schemas';
import { plan, type VaultPlace } from '@vault-engine/development';
import { administerEngines } from '@vault-engine/engines';
import { openKmsWrapper } from '@vault-engine/kms';
import { freePort, type RunningService, startService } from '@vault-engine/local';
import { openRedisStore } from '@vault-engine/token-store';
import type { UserId } from '@vault-engine/vault';
import { openWorld } from '@vault-engine/world';
import { startTcpProxy } from '../faults/tcp-proxy.ts';

const ENGINE = 'action';
const ACCOUNT = { region: 'us-east-1', credentials: { accessKeyId: 'test', secretAccessKey: 'test' } };

/** A worker that is starting, ready or not. */
export interface StartingWorker {
  /** Resolves when it is ready. */
  readonly ready: Promise<RunningService>;
  /** Whether its `/readyz` says that it is ready, and the states of its parts. */
  readonly readiness: () => Promise<{ readonly ok: boolean; readonly parts: Readonly<Record<string, unknown>> }>;
}

/** A vault whose keys are in KMS, under an alias that the test moves. Its workers are processes of their own. */
export interface KmsVault {
  /** The ids of two keys. The alias names the first one. */
  readonly keyIds: readonly [string, string];
  readonly moveAlias: (keyId: string) => Promise<void>;
  /** Cuts the workers' connections to KMS and refuses new ones, until `back` is called. */
  readonly loseKms: () => { readonly back: () => void };
  /** Requests to KMS that workers have sent. */
  readonly kmsRequests: () => number;
  readonly stopWorker: (name: string) => Promise<void>;
  readonly startWorker: (name: string, env?: Readonly<Record<string, string>>) => Promise<StartingWorker>;
  readonly client: VaultClient;
  /** The stored wrapped form of a user's data key. */
  readonly wrappedKeyOf: (user: UserId) => Promise<Buffer>;
  readonly close: () => Promise<void>;
}

/** Opens the vault without a worker. */
export const openKmsVault = async (): Promise<KmsVault> => {
  const world = await openWorld();
  const { brokers, registryUrl, redisUrl, topicPrefix } = world;
  const folder = await mkdtemp(join(tmpdir(), 'vault-engine-test-'));
  const kms = new KMSClient({ ...ACCOUNT, endpoint: world.kmsEndpoint });
  const keyIds = [await createKey(kms), await createKey(kms)] as const;
  const alias = `alias/vault-${randomUUID()}`;
  await kms.send(new CreateAliasCommand({ AliasName: alias, TargetKeyId: keyIds[0] }));

  const bus = connectBus({ brokers, clientId: 'test' });
  const topics = topicSpecs({ prefix: topicPrefix, engines: [ENGINE], environment: 'development' });
  await applyTopics(bus, topics, { replicationFactor: 1 });
  await applySchemas(registryUrl);
  const wrapper = openKmsWrapper({ ...ACCOUNT, keyId: alias, endpoint: world.kmsEndpoint });
  const credential = await addEngine({ bus, registryUrl, topic: topicNames(topicPrefix).engines, wrapper });
  wrapper.close();

  let [down, requests] = [false, 0];
  const proxy = await startTcpProxy(Number(new URL(world.kmsEndpoint).port), () => ({
    request: (bytes) => {
      if (bytes.includes('x-amz-target')) requests += 1;
      return down ? 'cut' : bytes;
    },
    answer: (bytes) => (down ? 'cut' : bytes),
  }));

  const place: VaultPlace = {
    brokers,
    registryUrl,
    redisUrl,
    topicPrefix,
    keyPrefix: `${world.keyPrefix}vault`,
    keyFile: join(folder, 'unused.key'),
    firstPort: await freePort(),
  };
  const env = {
    VAULT_KEY_WRAPPER: 'aws-kms',
    VAULT_KMS_KEY_ID: alias,
    AWS_REGION: ACCOUNT.region,
    AWS_ACCESS_KEY_ID: ACCOUNT.credentials.accessKeyId,
    AWS_SECRET_ACCESS_KEY: ACCOUNT.credentials.secretAccessKey,
    AWS_ENDPOINT_URL_KMS: `http://127.0.0.1:${proxy.port}`,
  };
  const store = await openRedisStore({ url: redisUrl, keyPrefix: place.keyPrefix, requireDurable: false });
  const workers = new Map<string, Promise<RunningService>>();
  const client = await connectVault({
    brokers,
    registryUrl,
    engine: ENGINE,
    credential,
    topicPrefix,
    timeoutMs: 15_000,
  });
  return {
    keyIds,
    moveAlias: async (keyId) => {
      await kms.send(new UpdateAliasCommand({ AliasName: alias, TargetKeyId: keyId }));
    },
    startWorker: async (name, more = {}) => {
      const offset = (await freePort()) - place.firstPort;
      const { entry, operations, ...planned } = plan(place, 'command-worker', offset, { ...env, ...more });
      const ready = startService({
        name,
        entry,
        env: planned.env,
        ready: `${operations}/readyz`,
        logDir: folder,
        onCrash: () => undefined,
        readyWithinMs: 120_000,
      });
      ready.catch(() => undefined);
      workers.set(name, ready);
      return {
        ready,
        readiness: async () => {
          const response = await fetch(`${operations}/readyz`);
          // The shape of `HealthReport`.
          const { parts } = (await response.json()) as { parts: Record<string, unknown> };
          return { ok: response.ok, parts };
        },
      };
    },
    loseKms: () => {
      down = true;
      return {
        back: () => {
          down = false;
        },
      };
    },
    kmsRequests: () => requests,
    stopWorker: async (name) => {
      await (await workers.get(name))?.stop();
    },
    client,
    wrappedKeyOf: async (user) => {
      const view = await store.readUser(user, null, null);
      if (view.user === null) throw new Error('the user has no row');
      return view.user.dataKey.wrapped;
    },
    close: async () => {
      await store.close();
      await client.close();
      for (const worker of await Promise.allSettled(workers.values()))
        if (worker.status === 'fulfilled') await worker.value.stop();
      kms.destroy();
      await proxy.close();
      await world.close();
      await rm(folder, { recursive: true, force: true });
    },
  };
};

const createKey = async (kms: KMSClient): Promise<string> => {
  const { KeyMetadata: key } = await kms.send(new CreateKeyCommand({}));
  if (key?.KeyId === undefined) throw new Error('KMS created no key');
  return key.KeyId;
};

/** Adds an engine with all grants, and returns its credential. */
const addEngine = async ({
  registryUrl,
  ...parts
}: {
  readonly bus: ReturnType<typeof connectBus>;
  readonly registryUrl: string;
  readonly topic: string;
  readonly wrapper: ReturnType<typeof openKmsWrapper>;
}): Promise<string> => {
  const publisher = createPublisher(parts.bus);
  const administration = await administerEngines({
    ...parts,
    publisher,
    codec: await openCodec({ registryUrl }),
    environment: 'development',
    now: Date.now,
    onRefused: () => undefined,
    onWaiting: () => undefined,
    onFatal: () => undefined,
  });
  const added = await administration.addKey(ENGINE, 'kafka', {
    grants: [{ operations: [...COMMAND_NAMES], platforms: ['*'] }],
    rate: { perSecond: 1_000, burst: 1_000 },
  });
  await administration.close();
  await publisher.close();
  if (!added.ok) throw new Error(added.reason);
  return added.value.key;
};
