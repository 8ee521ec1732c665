import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { applyTopics, deleteTopics } from '@vault-engine/bus';
import { root } from '@vault-engine/local';
import type { TestVault } from '../flow/open-vault.ts';
import { type BenchProcess, startProcess } from './bench-process.ts';
import type { EchoPlace } from './echo-place.ts';
import type { GatewayClientPlace } from './gateway-client.ts';
import type { Name } from './report.ts';
import type { RoundTripsPlace } from './round-trips-worker.ts';
import { USERS } from './users.ts';
import type { VaultClientPlace } from './vault-client.ts';

/** One of those that are compared, with its processes running. */
export interface Entrant {
  readonly name: Name;
  readonly client: BenchProcess;
  /** The processes that answer. */
  readonly workers: readonly number[];
  readonly stop: () => Promise<void>;
}

/** Whose name the bench asks in. */
export const ENGINE = 'action';

/** Whether there is a gateway to measure. */
export const hasGateway = (): boolean => existsSync(join(root, 'services/gateway/src/main.ts'));

/** An echo: topics with as many partitions as the vault's, a worker, a client. */
export const startEcho = async (vault: TestVault, name: 'echo' | 'nest'): Promise<Entrant> => {
  const place = await makeTopics(vault, name);
  const worker = await startProcess(`${name}-worker.ts`, place);
  const client = await startProcess(`${name}-client.ts`, place);
  return { name, client, workers: [worker.pid], stop: () => stopAll(vault, place, [client, worker]) };
};

/** The echo's client, and a worker that makes the round trips of `GetToken` before it answers. */
export const startRoundTrips = async (vault: TestVault): Promise<Entrant> => {
  const place = await makeTopics(vault, 'round-trips');
  const auditLog = `${place.requests}.audit`;
  const config = { ...STAMPED, 'compression.type': 'gzip' }; // as the vault's has
  await applyTopics(vault.bus, [{ name: auditLog, partitions: 4, config }], { replicationFactor: 1 });
  const { redisUrl } = vault.place;
  const worker = await startProcess('round-trips-worker.ts', {
    ...place,
    redisUrl,
    auditLog,
  } satisfies RoundTripsPlace);
  const client = await startProcess('echo-client.ts', place);
  const stop = async (): Promise<void> => {
    await stopAll(vault, place, [client, worker]);
    await deleteTopics(vault.bus, [auditLog]);
  };
  return { name: 'echo', client, workers: [worker.pid], stop };
};

const STAMPED = { 'message.timestamp.type': 'LogAppendTime' };

const makeTopics = async ({ bus, place: { brokers, topicPrefix } }: TestVault, name: string): Promise<EchoPlace> => {
  const requests = `${topicPrefix}${name}`;
  // NestJS derives the name of the reply topic from the request's.
  const replies = `${requests}.reply`;
  const topics = [
    { name: requests, partitions: 8, config: STAMPED },
    { name: replies, partitions: 4, config: STAMPED },
  ];
  await applyTopics(bus, topics, { replicationFactor: 1 });
  return { brokers, requests, replies, groupId: requests };
};

const stopAll = async (
  { bus }: TestVault,
  { requests, replies }: EchoPlace,
  processes: readonly BenchProcess[],
): Promise<void> => {
  for (const one of processes) await one.stop();
  await deleteTopics(bus, [requests, replies]);
};

/** A client of the vault itself. That of `get_token` connects all users before it is ready. */
export const startVaultClient = async (
  { place, engines, running }: TestVault,
  operation: VaultClientPlace['operation'],
  users = USERS,
): Promise<Entrant> => {
  const { brokers, registryUrl, topicPrefix } = place;
  const credential = engines[ENGINE]?.kafka.key ?? '';
  const vault = { brokers, registryUrl, topicPrefix, engine: ENGINE, credential, timeoutMs: 30_000 };
  const client = await startProcess('vault-client.ts', { operation, vault, users } satisfies VaultClientPlace);
  return { name: operation, client, workers: pidsOf(running, 'command-worker'), stop: client.stop };
};

/** A client of the gateway: worker and gateway together are what answers it. */
export const startGatewayClient = async ({ gateway, engines, running }: TestVault): Promise<Entrant> => {
  const place: GatewayClientPlace = { url: gateway, engine: ENGINE, key: engines[ENGINE]?.key ?? '' };
  const client = await startProcess('gateway-client.ts', place);
  return { name: 'gateway', client, workers: pidsOf(running, 'command-worker', 'gateway'), stop: client.stop };
};

const pidsOf = ({ services }: TestVault['running'], ...names: readonly string[]): readonly number[] =>
  names.flatMap((name) => services.get(name)?.pid ?? []);
