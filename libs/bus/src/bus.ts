import { setTimeout as sleep } from 'node:timers/promises';
import type { Admin, Kafka as KafkaClient, KafkaConfig, SASLOptions } from 'kafkajs';
import { isTransient } from './errors.ts';
import { Kafka, logLevel } from './kafkajs/kafkajs.ts';
import { openSocket } from './kafkajs/open-socket.ts';
import { patchKafkajs } from './kafkajs/patches.ts';
import { type BusLog, kafkajsLog } from './log.ts';
import { type RequiredRight, Rights } from './rights.ts';

patchKafkajs();

/** Credentials for the brokers. */
export interface Sasl {
  readonly mechanism: 'plain' | 'scram-sha-256' | 'scram-sha-512';
  readonly username: string;
  readonly password: string;
}

/** How to reach the brokers. */
export interface BusOptions {
  /** `host:port` of one or more brokers. */
  readonly brokers: readonly string[];
  /** Identifies the client in the brokers' logs and quotas, and prefixes the ids of one-off groups. */
  readonly clientId: string;
  /** Default: silent. */
  readonly log?: BusLog;
  readonly ssl?: KafkaConfig['ssl'];
  readonly sasl?: Sasl | undefined;
  /** Time limit of one request, in ms. Default 5000. */
  readonly requestTimeoutMs?: number;
  /** Time limit of opening a connection, in ms. Default 3000. */
  readonly connectionTimeoutMs?: number;
}

/** The configuration of a connection to the brokers. Opens nothing itself: each piece opens, owns and closes its connections. */
export interface Bus {
  readonly clientId: string;
  readonly requestTimeoutMs: number;
  readonly log: BusLog;
  /** The rights that the brokers refuse at present. */
  readonly rights: Rights;
  /** For readiness. @throws {RightMissing} while the brokers refuse a right that a consumer, follower or publisher of this bus needs */
  readonly probe: () => Promise<void>;
  /**
   * Creates a client. Each piece needs its own: kafkajs keeps the committed offsets of all consumers of one group in one map
   * per client, so two consumers of the same client disturb each other.
   *
   * @param retries how often kafkajs repeats its own requests, above all connecting. Default 5: about 3 s
   */
  readonly client: (retries?: number) => KafkaClient;
}

/** Configures the connection to the brokers. Does not connect. */
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
  // The principal of SCRAM and PLAIN is the user name; that of a certificate depends on the brokers' mapping rules.
  const rights = new Rights(options.sasl === undefined ? null : `User:${options.sasl.username}`);
  const probe = async (): Promise<void> => {
    const missing = rights.missing(Date.now());
    if (missing !== null) throw missing;
  };
  return { clientId: options.clientId, requestTimeoutMs, log, rights, probe, client };
}

/** kafkajs has one type for each mechanism, all with the same fields. */
const saslOf = ({ mechanism, username, password }: Sasl): SASLOptions =>
  ({ mechanism, username, password }) as SASLOptions;

/**
 * Runs `use` with an admin connection and closes it afterwards. Admin connections are never long-lived: once one has looked at
 * a topic that is deleted later, every later call on it fails.
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
 * {@link withAdmin} for queries: repeated on a new connection while the error is transient. A topic that was just created has
 * partitions without a leader for a moment.
 *
 * @throws {RightMissing} where the brokers refuse one of `rights`
 */
export async function askAdmin<T>(
  bus: Bus,
  rights: readonly RequiredRight[],
  question: (admin: Admin) => Promise<T>,
): Promise<T> {
  try {
    return await askRepeatedly(bus, question);
  } catch (error) {
    throw bus.rights.explain(error, rights);
  }
}

async function askRepeatedly<T>(bus: Bus, question: (admin: Admin) => Promise<T>): Promise<T> {
  for (const waitMs of ASK_AGAIN_MS) {
    try {
      return await withAdmin(bus, question);
    } catch (error) {
      if (!isTransient(error)) throw error;
      await sleep(waitMs);
    }
  }
  return withAdmin(bus, question);
}
