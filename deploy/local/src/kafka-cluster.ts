import { setTimeout as sleep } from 'node:timers/promises';
import { liveBrokers } from './kafka.ts';
import { freePort } from './ports.ts';
import type { Log } from './progress.ts';
import type { RunningPart } from './running-part.ts';
import { startPart } from './start-part.ts';

/** A Kafka cluster of three brokers, as processes of this machine. */
export type KafkaCluster = {
  /** Bootstrap addresses: all brokers. */
  readonly addresses: readonly string[];
  /**
   * By node id: 1, 2, 3. Each can be killed, stopped, paused and started again separately; `start` resolves when the broker has
   * rejoined the cluster.
   */
  broker(nodeId: number): RunningPart;
  /** Resolves when the cluster's metadata lists exactly these brokers. @throws after a minute */
  settled(nodeIds: readonly number[]): Promise<void>;
  /** Ends all brokers, including paused ones, and removes their data. */
  stop(): Promise<void>;
};

export type ClusterOptions = {
  /**
   * How many of the brokers, beginning with the first, are also controllers; default 3. With 3, any one broker may fail. With 1,
   * both others may fail, but not the first.
   */
  readonly controllers?: 1 | 3;
  /** Overrides for all brokers. */
  readonly settings?: Readonly<Record<string, string>>;
  readonly log?: Log;
};

const nodeIds = [1, 2, 3] as const;
/** Options for short-lived brokers: quick to start and small, at the cost of peak speed. */
const javaOptions = ['-Xmx384m', '-XX:+UseSerialGC', '-XX:TieredStopAtLevel=1'];
const settledWithinMs = 60_000;

/**
 * Starts a Kafka cluster of three brokers. Internal topics have three replicas. A broker without a heartbeat for three seconds is
 * removed from the cluster's metadata.
 *
 * @throws MissingPart when the machine lacks something
 */
export async function startKafkaCluster(options: ClusterOptions = {}): Promise<KafkaCluster> {
  const places = await choosePlaces(options.controllers ?? 3);
  const starting = await Promise.allSettled(places.map((place) => startBroker(place, places, options)));
  const parts = starting.filter((each) => each.status === 'fulfilled').map(({ value }) => value);
  const stop = async () => {
    await Promise.all(parts.map(end));
  };
  const settled = (wanted: readonly number[]) => untilSettled(places, wanted);
  try {
    for (const each of starting) if (each.status === 'rejected') throw each.reason;
    await settled(nodeIds);
  } catch (error) {
    await stop();
    throw error;
  }
  const brokers = parts.map((part, index) => rejoining(part, places[index]?.nodeId));
  return {
    addresses: brokers.map(({ address }) => address),
    broker: (nodeId) => {
      const broker = brokers[nodeId - 1];
      if (broker === undefined) throw new RangeError(`there is no broker ${nodeId}`);
      return broker;
    },
    settled,
    stop,
  };
}

type Place = {
  readonly nodeId: number;
  readonly port: number;
  /** Port of its controller; null for a broker only. */
  readonly controllerPort: number | null;
};

async function choosePlaces(controllers: number): Promise<readonly Place[]> {
  const places: Place[] = [];
  for (const nodeId of nodeIds) {
    const controllerPort = nodeId <= controllers ? await freePort() : null;
    places.push({ nodeId, port: await freePort(), controllerPort });
  }
  return places;
}

function startBroker(at: Place, all: readonly Place[], { settings, log }: ClusterOptions): Promise<RunningPart> {
  return startPart('kafka', {
    port: at.port,
    settings: { ...settingsOf(at, all), ...settings },
    javaOptions,
    ...(log && { log }),
  });
}

function settingsOf({ nodeId, port, controllerPort }: Place, all: readonly Place[]): Record<string, string> {
  const listener = `PLAINTEXT://127.0.0.1:${port}`;
  const controllers = all.filter((place) => place.controllerPort !== null);
  const voters = controllers.map((place) => `${place.nodeId}@127.0.0.1:${place.controllerPort}`);
  return {
    'node.id': String(nodeId),
    'process.roles': controllerPort === null ? 'broker' : 'broker,controller',
    'controller.quorum.voters': voters.join(),
    listeners: controllerPort === null ? listener : `${listener},CONTROLLER://127.0.0.1:${controllerPort}`,
    'advertised.listeners': listener,
    'offsets.topic.replication.factor': '3',
    'transaction.state.log.replication.factor': '3',
    // A failed leader is replaced within seconds.
    'broker.session.timeout.ms': '3000',
    'broker.heartbeat.interval.ms': '500',
    // A restarted preferred leader leads again at once.
    'leader.imbalance.check.interval.seconds': '1',
    'leader.imbalance.per.broker.percentage': '0',
    // The default allocates 128 MiB in each broker at start.
    'log.cleaner.dedupe.buffer.size': '4194304',
  };
}

function rejoining(part: RunningPart, nodeId: number | undefined): RunningPart {
  const start = async () => {
    await part.start();
    await waitUntil(async () => (await liveBrokers(part.port)).some((id) => id === nodeId));
  };
  return { ...part, start };
}

/** Asks every wanted broker for its metadata. */
async function untilSettled(places: readonly Place[], wanted: readonly number[]): Promise<void> {
  const expected = wanted.toSorted().join();
  const asked = places.filter(({ nodeId }) => wanted.includes(nodeId));
  await waitUntil(async () => {
    const listed = await Promise.all(asked.map(({ port }) => liveBrokers(port)));
    return listed.every((ids) => ids.toSorted().join() === expected);
  });
}

async function waitUntil(holds: () => Promise<boolean>): Promise<void> {
  const limit = performance.now() + settledWithinMs;
  while (!(await holds())) {
    if (performance.now() > limit) throw new Error(`Kafka has not settled after ${settledWithinMs / 1000} s`);
    await sleep(100);
  }
}

/** Kills before it stops: a controller that has lost its quorum would wait for it. */
async function end(part: RunningPart): Promise<void> {
  await part.kill();
  await part.stop();
}
