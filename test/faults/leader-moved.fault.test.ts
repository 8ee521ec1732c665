import {
  applyTopics,
  type Bus,
  type BusRecord,
  committedOffsets,
  connectBus,
  createPublisher,
  type Published,
  type Publisher,
  readTopic,
  startKeyedConsumer,
} from '@vault-engine/bus';
import { type KafkaCluster, startKafkaCluster } from '@vault-engine/local';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { faultConfig } from './config.ts';
import { coordinatorOf } from './coordinator-of.ts';
import { moveLeaders } from './move-leaders.ts';
import { type FaultVault, openFaultVault } from './open-fault-vault.ts';
import { type SeededRandom, seededRandom } from './seeded-random.ts';

let kafka: KafkaCluster;
let bus: Bus;
beforeAll(async () => {
  kafka = await startKafkaCluster({ settings: { 'min.insync.replicas': '2' } });
  bus = connectBus({ brokers: kafka.addresses, clientId: 'test' });
});
afterAll(() => kafka.stop());

const ROUNDS = faultConfig.full ? 20 : 2;
const BROKERS = [1, 2, 3] as const;

it('loses and misplaces nothing that was acknowledged when leaders move and die under concurrent sends', async () => {
  const random = seededRandom('sends');
  const topic = 'moved';
  await applyTopics(bus, [{ name: topic, partitions: 6, config: {} }], { replicationFactor: 3 });
  const sending = startSending(topic);
  for (let round = 0; round < ROUNDS; round += 1) {
    await sending.more(500);
    await moveLeaders(bus, [topic], random);
  }
  await sending.more(500);
  const acknowledgedBefore = sending.acknowledged();
  const victim = await killOne(random);
  await sending.more(2_000);
  const back = victim.start();
  const sent = await sending.stop();

  const records: BusRecord[] = [];
  for await (const record of readTopic(bus, topic)) records.push(record);
  const stored = new Map(records.map((record) => [placeOf(record), String(record.value)]));
  const acknowledged = sent.filter((each) => each.place !== null);
  const misplaced = acknowledged.filter(({ text, place }) => stored.get(placeOf(place)) !== text);
  expect(misplaced.slice(0, 20)).toEqual([]);
  expect(outOfOrder(records, acknowledged)).toEqual([]);
  expect(acknowledgedBefore).toBeGreaterThanOrEqual((ROUNDS + 1) * 500);
  const failed = sent.length - acknowledged.length;
  console.log(`sends: ${sent.length}, failed ${failed}, written again ${records.length - acknowledged.length}`);
  await back;
}, 180_000);

it('reads on within seconds when the broker that coordinates the group is lost for good', async () => {
  const topic = 'coordinated';
  await applyTopics(bus, [{ name: topic, partitions: 3, config: {} }], { replicationFactor: 3 });
  const publisher = createPublisher(bus);
  let handled = 0;
  const keyedConsumer = await startKeyedConsumer(bus, {
    groupId: topic,
    topics: [topic],
    sessionTimeoutMs: 6_000,
    handle: async () => {
      handled += 1;
      return { kind: 'ack' };
    },
    deadLetter: async () => undefined,
    onError: () => undefined,
    onOffsetReset: () => undefined,
    onFatal: () => undefined,
  });
  const send = () => publisher.send({ topic, key: Buffer.from('k'), value: Buffer.from('v') });
  await send();
  await expect.poll(() => handled, WITHIN).toBe(1);
  const victim = kafka.broker(await coordinatorOf(bus, topic));
  await victim.kill();
  try {
    await kafka.settled(BROKERS.filter((nodeId) => kafka.broker(nodeId) !== victim));
    await send();
    await expect.poll(() => handled, WITHIN).toBe(2);
    const committed = async () => [...(await committedOffsets(bus, topic, topic)).values()].reduce((a, b) => a + b, 0n);
    await expect.poll(committed, WITHIN).toBe(2n);
  } finally {
    await victim.start();
    await kafka.settled(BROKERS);
    await keyedConsumer.stop({ drainMs: 1_000 });
    await publisher.close();
  }
}, 120_000);

/** Far less than it takes kafkajs to give a lost coordinator up by itself. */
const WITHIN = { timeout: 10_000, interval: 100 };

it('keeps the invariant when leaders move and a broker is killed under traffic', async () => {
  const at: FaultVault = await openFaultVault({
    parts: { brokers: kafka.addresses },
    replicationFactor: 3,
    timeoutMs: 5_000,
  });
  try {
    const { account, checked } = await at.prove({
      name: 'brokers',
      users: 20,
      stepsPerUser: Number.POSITIVE_INFINITY,
      paceMs: 20,
      during: async (traffic, random) => {
        const { commands, auditLog, connectionEvents, replies } = at.vault.topics;
        const topics = [commands, auditLog, connectionEvents, replies('action'), replies('sync'), '__consumer_offsets'];
        for (let round = 0; round < (faultConfig.full ? 5 : 1); round += 1) {
          await traffic.answered(traffic.count() + 100);
          await moveLeaders(bus, topics, random);
          await traffic.answered(traffic.count() + 50 + random.int(100));
          const victim = await killOne(random);
          await traffic.answered(traffic.count() + 200);
          await victim.start();
          await kafka.settled(BROKERS);
        }
        await traffic.answered(traffic.count() + 100);
      },
    });
    console.log(`brokers: ${account.seen.length} answers, ${checked.errors} retryable errors before them`);
    expect(account.seen.length).toBeGreaterThan(400);
  } finally {
    await at.close();
  }
}, 600_000);

const killOne = async (random: SeededRandom) => {
  const victim = kafka.broker(random.pick(BROKERS));
  await victim.kill();
  return victim;
};

/** A message, in the order of the calls. */
interface Sent {
  readonly text: string;
  /** Null: it was not acknowledged. */
  readonly place: Published | null;
}

/** Sends one message after the other without waiting, as long as no more than 64 have no answer yet. */
const startSending = (topic: string) => {
  const publisher = createPublisher(bus, { sendTimeoutMs: 20_000 });
  const sent: Promise<Sent>[] = [];
  const state = { running: true, acknowledged: 0 };
  const sendNext = async (): Promise<void> => {
    const text = `m${sent.length}`;
    const sending = send(publisher, topic, text);
    sent.push(sending);
    if ((await sending).place !== null) state.acknowledged += 1;
  };
  const senders = Array.from({ length: 64 }, async () => {
    while (state.running) await sendNext();
  });
  return {
    acknowledged: () => state.acknowledged,
    /** Resolves when so many more are acknowledged. */
    more: (count: number) => {
      const due = state.acknowledged + count;
      return expect.poll(() => state.acknowledged, { timeout: 60_000, interval: 20 }).toBeGreaterThanOrEqual(due);
    },
    stop: async (): Promise<readonly Sent[]> => {
      state.running = false;
      await Promise.all(senders);
      await publisher.close();
      return Promise.all(sent);
    },
  };
};

const send = async (publisher: Publisher, topic: string, text: string): Promise<Sent> => {
  try {
    return { text, place: await publisher.send({ topic, key: Buffer.from(text), value: Buffer.from(text) }) };
  } catch {
    return { text, place: null };
  }
};

const placeOf = (at: Published | BusRecord | null): string =>
  at === null ? 'nowhere' : `${at.partition}/${at.offset}`;

/** Where acknowledged messages stand in another order than that of the calls, whatever stands there again later. */
const outOfOrder = (records: readonly BusRecord[], acknowledged: readonly Sent[]): readonly string[] => {
  const due = Map.groupBy(acknowledged, ({ place }) => place?.partition);
  const known = new Set(acknowledged.map(({ text }) => text));
  return [...due].flatMap(([partition, messages]) => {
    const stored = records.filter((record) => record.partition === partition).map(({ value }) => String(value));
    const first = [...new Set(stored)].filter((text) => known.has(text));
    const wrong = messages.findIndex(({ text }, index) => first[index] !== text);
    return wrong < 0 ? [] : [`${partition}: ${first[wrong]} where ${messages[wrong]?.text} was due`];
  });
};
