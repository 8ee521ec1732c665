import { setTimeout as sleep } from 'node:timers/promises';
import { liveBrokers } from './kafka.ts';
import { freePort } from './ports.ts';
import type { Log } from './progress.ts';
import type { RunningPart } from './running-part.ts';
import { startPart } from './start-part.ts';

/** Several brokers that are one Kafka, as processes of this machine. */
export type KafkaCluster = {
  /** Those of all brokers, for a client to begin with. */
  readonly addresses: readonly string[];
  /**
   * By node id: 1, 2, 3. Each may be killed, stopped, paused and started again by itself; `start` resolves when the cluster has
   * it back.
   */
  broker(nodeId: number): RunningPart;
  /** Resolves when the cluster sends clients to exactly these. @throws after a minute */
  settled(nodeIds: readonly number[]): Promise<void>;
  /** Ends all of it, paused brokers too, and removes the data. */
  stop(): Promise<void>;
};

export type ClusterOptions = {
  /**
   * How many of the brokers are controllers too, the first ones. With 3 the loss of any one of them is survived; with 1 the others
   * may both be lost, and the first must stay. 3 where nothing is said.
   */
  readonly controllers?: 1 | 3;
  /** Overrides for all brokers. */
  readonly settings?: Readonly<Record<string, string>>;
  readonly log?: Log;
};

const nodeIds = [1, 2, 3] as const;
/** Brokers for a test: up within seconds and small, instead of fast after minutes. */
const javaOptions = ['-Xmx384m', '-XX:+UseSerialGC', '-XX:TieredStopAtLevel=1'];
const settledWithinMs = 60_000;

/**
 * Starts Kafka on three brokers. A topic that is created with three replicas is on all of them; the internal ones are. A broker
 * that is silent for three seconds is given up by the others.
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
  /** Where it is a controller; null: it is none. */
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
    // A leader is replaced within seconds …
    'broker.session.timeout.ms': '3000',
    'broker.heartbeat.interval.ms': '500',
    // … and whoever is to lead does so again as soon as it can.
    'leader.imbalance.check.interval.seconds': '1',
    'leader.imbalance.per.broker.percentage': '0',
    // The standard takes 128 MiB of each broker's memory from the start.
    'log.cleaner.dedupe.buffer.size': '4194304',
  };
}

function rejoining(part: RunningPart, nodeId: number | undefined): RunningPart {
  const start = async () => {
    await part.start();
    await until(async () => (await liveBrokers(part.port)).some((id) => id === nodeId));
  };
  return { ...part, start };
}

/** By what any broker says: those that are gone say nothing. */
async function untilSettled(places: readonly Place[], wanted: readonly number[]): Promise<void> {
  const expected = wanted.toSorted().join();
  const asked = places.filter(({ nodeId }) => wanted.includes(nodeId));
  await until(async () => {
    const told = await Promise.all(asked.map(({ port }) => liveBrokers(port)));
    return told.every((ids) => ids.toSorted().join() === expected);
  });
}

async function until(holds: () => Promise<boolean>): Promise<void> {
  const limit = performance.now() + settledWithinMs;
  while (!(await holds())) {
    if (performance.now() > limit) throw new Error(`Kafka has not settled after ${settledWithinMs / 1000} s`);
    await sleep(100);
  }
}

/** Not in order: a controller that has lost the others would wait for them. */
async function end(part: RunningPart): Promise<void> {
  await part.kill();
  await part.stop();
}
