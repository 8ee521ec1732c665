import { setTimeout as sleep } from 'node:timers/promises';
import type { Admin, Kafka as KafkaClient, KafkaConfig, SASLOptions } from 'kafkajs';
import { Kafka, logLevel } from './kafkajs.ts';
import { type BusLog, kafkajsLog } from './log.ts';
import { openSocket } from './open-socket.ts';
import { repairHeaderFlood } from './repair-header-flood.ts';
import { repairIdleSpin } from './repair-idle-spin.ts';
import { repairLastingRequests } from './repair-lasting-requests.ts';
import { repairLateFetch } from './repair-late-fetch.ts';
import { repairLostCoordinator } from './repair-lost-coordinator.ts';
import { repairMovedCoordinator } from './repair-moved-coordinator.ts';
import { repairOffsetReset } from './repair-offset-reset.ts';
import { repairSlowFetch } from './repair-slow-fetch.ts';
import { repairSlowProduce } from './repair-slow-produce.ts';
import { repairTornJoin } from './repair-torn-join.ts';
import { repairZeroedRoom } from './repair-zeroed-room.ts';
import { shareProduce } from './share-produce.ts';

repairIdleSpin();
repairLastingRequests();
repairOffsetReset();
repairHeaderFlood();
repairLostCoordinator();
repairMovedCoordinator();
repairTornJoin();
repairLateFetch();
repairSlowProduce();
repairSlowFetch();
repairZeroedRoom();
shareProduce();

/** How a client proves itself to the brokers. */
export interface Sasl {
  readonly mechanism: 'plain' | 'scram-sha-256' | 'scram-sha-512';
  readonly username: string;
  readonly password: string;
}

/** How to reach the brokers. */
export interface BusOptions {
  /** `host:port` of one or more brokers. */
  readonly brokers: readonly string[];
  /** Stands in the brokers' logs and quotas, and begins the names of one-off groups. */
  readonly clientId: string;
  /** Default: silent. */
  readonly log?: BusLog;
  readonly ssl?: KafkaConfig['ssl'];
  readonly sasl?: Sasl | undefined;
  /** How long one request may take, in ms. Default 5000. */
  readonly requestTimeoutMs?: number;
  /** How long opening a connection may take, in ms. Default 3000. */
  readonly connectionTimeoutMs?: number;
}

/** A way to the brokers. Opens nothing by itself: each piece opens, owns and closes its own connections. */
export interface Bus {
  readonly clientId: string;
  readonly requestTimeoutMs: number;
  readonly log: BusLog;
  /**
   * A client of its own for each piece: kafkajs keeps the committed offsets of all consumers of one group in one map per
   * client, so that two consumers made by the same client disturb each other.
   *
   * @param retries how often it repeats what it does by itself, connecting above all. Default 5: about 3 s
   */
  readonly client: (retries?: number) => KafkaClient;
}

/** Describes the way to the brokers; no connection is made yet. */
export function connectBus(options: BusOptions): Bus {
  const log = options.log ?? (() => undefined);
  const requestTimeoutMs = options.requestTimeoutMs ?? 5_000;
  const config: KafkaConfig = {
    brokers: [...options.brokers],
    clientId: options.clientId,
    requestTimeout: requestTimeoutMs,
    connectionTimeout: options.connectionTimeoutMs ?? 3_000,
    socketFactory: openSocket,
    logLevel: logLevel.WARN,
    logCreator: () => kafkajsLog(log),
    ...(options.ssl === undefined ? {} : { ssl: options.ssl }),
    ...(options.sasl === undefined ? {} : { sasl: saslOf(options.sasl) }),
  };
  const client = (retries = 5) =>
    new Kafka({ ...config, retry: { retries, initialRetryTime: 100, maxRetryTime: 1_000 } });
  return { clientId: options.clientId, requestTimeoutMs, log, client };
}

/** kafkajs types one shape for each mechanism, all with the same fields. */
const saslOf = ({ mechanism, username, password }: Sasl): SASLOptions =>
  ({ mechanism, username, password }) as SASLOptions;

/**
 * Runs `use` with an admin connection that is closed afterwards. Never a long-lived one: once it has looked at a topic
 * that is deleted later, every later call on it fails.
 */
export async function withAdmin<T>(bus: Bus, use: (admin: Admin) => Promise<T>): Promise<T> {
  const admin = bus.client().admin();
  await admin.connect();
  try {
    return await use(admin);
  } finally {
    await admin.disconnect();
  }
}

const ASK_AGAIN_MS = [50, 100, 200, 400, 800, 1_600];

/**
 * {@link withAdmin} for questions: asked again, on a new connection, while the brokers say that the error will pass. A
 * topic that was just created has partitions without a leader for a moment.
 */
export async function askAdmin<T>(bus: Bus, question: (admin: Admin) => Promise<T>): Promise<T> {
  for (const waitMs of ASK_AGAIN_MS) {
    try {
      return await withAdmin(bus, question);
    } catch (error) {
      if (!isPassing(error)) throw error;
      await sleep(waitMs);
    }
  }
  return withAdmin(bus, question);
}

/** Every error of kafkajs says whether it may pass. */
function isPassing(error: unknown): boolean {
  return error instanceof Error && 'retriable' in error && error.retriable === true;
}
