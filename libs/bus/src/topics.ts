import { setTimeout as sleep } from 'node:timers/promises';
import type { Admin } from 'kafkajs';
import { askAdmin, type Bus, withAdmin } from './bus.ts';
import { brokerErrorOf } from './errors.ts';
import { ConfigResourceTypes } from './kafkajs/kafkajs.ts';

/** The declaration of a topic. */
export interface TopicDeclaration {
  readonly name: string;
  /** The minimum: partitions can be added, never removed. */
  readonly partitions: number;
  /** Kafka's topic settings by name. Settings that are not named stay unchanged. */
  readonly config: Readonly<Record<string, string>>;
}

/** A difference between a topic and its declaration. */
export type TopicChange =
  | { readonly topic: string; readonly kind: 'create' }
  | { readonly topic: string; readonly kind: 'partitions'; readonly from: number; readonly to: number }
  | {
      readonly topic: string;
      readonly kind: 'config';
      readonly name: string;
      readonly from: string | null;
      readonly to: string;
    };

/** Compares the topics with their declarations and changes nothing. Empty: no difference. */
export function checkTopics(bus: Bus, specs: readonly TopicDeclaration[]): Promise<readonly TopicChange[]> {
  return withAdmin(bus, (admin) => compare(admin, specs));
}

/**
 * Creates and alters topics by their declarations and returns the changes. Idempotent. When it resolves, each new partition
 * has a leader that responds.
 */
export function applyTopics(
  bus: Bus,
  specs: readonly TopicDeclaration[],
  { replicationFactor }: { readonly replicationFactor: number },
): Promise<readonly TopicChange[]> {
  return withAdmin(bus, async (admin) => {
    const changes = await compare(admin, specs);
    await create(admin, named(specs, changes, 'create'), replicationFactor);
    await addPartitions(admin, changes);
    await alterConfig(admin, named(specs, changes, 'config'));
    await waitForLeaders(leadersOf(bus), [...named(specs, changes, 'create'), ...named(specs, changes, 'partitions')]);
    return changes;
  });
}

/** With a connection for each query: kafkajs caches the first metadata. */
const leadersOf =
  (bus: Bus): CountLeaders =>
  (topic) =>
    withAdmin(bus, async (admin) => (await admin.fetchTopicOffsets(topic)).length);

/** Deletes those of the topics that exist. */
export function deleteTopics(bus: Bus, names: readonly string[]): Promise<void> {
  return withAdmin(bus, async (admin) => {
    const present = new Set(await admin.listTopics());
    const topics = names.filter((name) => present.has(name));
    if (topics.length > 0) await admin.deleteTopics({ topics });
  });
}

async function compare(admin: Admin, specs: readonly TopicDeclaration[]): Promise<readonly TopicChange[]> {
  const present = new Set(await admin.listTopics());
  const existing = specs.filter(({ name }) => present.has(name));
  const partitions = await partitionsOf(admin, existing);
  const configs = await configsOf(admin, existing);
  return specs.flatMap((spec): readonly TopicChange[] =>
    present.has(spec.name)
      ? [...partitionChange(spec, partitions), ...configChanges(spec, configs)]
      : [{ topic: spec.name, kind: 'create' }],
  );
}

async function partitionsOf(admin: Admin, specs: readonly TopicDeclaration[]): Promise<ReadonlyMap<string, number>> {
  if (specs.length === 0) return new Map();
  const { topics } = await admin.fetchTopicMetadata({ topics: specs.map(({ name }) => name) });
  return new Map(topics.map(({ name, partitions }) => [name, partitions.length]));
}

interface Setting {
  readonly value: string;
  /** Set for this topic, not inherited from the broker. */
  readonly own: boolean;
}

type Settings = ReadonlyMap<string, Setting>;

async function configsOf(admin: Admin, specs: readonly TopicDeclaration[]): Promise<ReadonlyMap<string, Settings>> {
  if (specs.length === 0) return new Map();
  const { resources } = await admin.describeConfigs({
    includeSynonyms: false,
    resources: specs.map(({ name }) => ({ type: ConfigResourceTypes.TOPIC, name })),
  });
  return new Map(
    resources.map(({ resourceName, configEntries }) => [
      resourceName,
      new Map(
        configEntries.map((entry) => [
          entry.configName,
          { value: entry.configValue, own: Number(entry.configSource) === TOPIC_CONFIG },
        ]),
      ),
    ]),
  );
}

/** `DescribeConfigsResponse.ConfigSource.TOPIC_CONFIG` in Kafka's protocol. */
const TOPIC_CONFIG = 1;

function partitionChange(spec: TopicDeclaration, counts: ReadonlyMap<string, number>): readonly TopicChange[] {
  const from = counts.get(spec.name) ?? 0;
  return from < spec.partitions ? [{ topic: spec.name, kind: 'partitions', from, to: spec.partitions }] : [];
}

/** A setting has to be the topic's own: one that only equals the broker's default changes with the broker. */
function configChanges(spec: TopicDeclaration, configs: ReadonlyMap<string, Settings>): readonly TopicChange[] {
  const settings = configs.get(spec.name);
  return Object.entries(spec.config).flatMap(([name, to]): readonly TopicChange[] => {
    const current = settings?.get(name);
    return current?.own && current.value === to
      ? []
      : [{ topic: spec.name, kind: 'config', name, from: current?.value ?? null, to }];
  });
}

function named(
  specs: readonly TopicDeclaration[],
  changes: readonly TopicChange[],
  kind: TopicChange['kind'],
): readonly TopicDeclaration[] {
  const names = new Set(changes.filter((change) => change.kind === kind).map(({ topic }) => topic));
  return specs.filter(({ name }) => names.has(name));
}

async function create(admin: Admin, specs: readonly TopicDeclaration[], replicationFactor: number): Promise<void> {
  if (specs.length === 0) return;
  await admin.createTopics({
    // kafkajs's own wait fails while the broker does not know the topic that it has just created.
    waitForLeaders: false,
    topics: specs.map(({ name, partitions, config }) => ({
      topic: name,
      numPartitions: partitions,
      replicationFactor,
      configEntries: Object.entries(config).map(([key, value]) => ({ name: key, value })),
    })),
  });
}

async function addPartitions(admin: Admin, changes: readonly TopicChange[]): Promise<void> {
  const topicPartitions = changes
    .filter((change) => change.kind === 'partitions')
    .map(({ topic, to }) => ({ topic, count: to }));
  if (topicPartitions.length > 0) await admin.createPartitions({ topicPartitions });
}

/** kafkajs has only AlterConfigs, which replaces all of a topic's own settings. So the settings that no declaration names are sent too. */
async function alterConfig(admin: Admin, specs: readonly TopicDeclaration[]): Promise<void> {
  if (specs.length === 0) return;
  const configs = await configsOf(admin, specs);
  await admin.alterConfigs({
    validateOnly: false,
    resources: specs.map((spec) => ({
      type: ConfigResourceTypes.TOPIC,
      name: spec.name,
      configEntries: Object.entries({ ...ownSettings(configs.get(spec.name)), ...spec.config }).map(
        ([name, value]) => ({ name, value }),
      ),
    })),
  });
}

function ownSettings(settings: Settings | undefined): Record<string, string> {
  return Object.fromEntries(
    [...(settings ?? [])].filter(([, { own }]) => own).map(([name, { value }]) => [name, value]),
  );
}

/** Counts the partitions of a topic that have a leader that responds. Throws where a partition has none. */
export type CountLeaders = (topic: string) => Promise<number>;

const LEADERS_LIMIT_MS = 30_000;
const LEADERS_PAUSE_MS = 100;

/**
 * Resolves when the leader of each partition of these topics responds. A broker that has reported a topic as created may
 * not know it itself yet, and a known partition may have no leader yet. Under load both take seconds.
 *
 * @throws the last error, after half a minute
 */
export async function waitForLeaders(
  count: CountLeaders,
  topics: readonly Pick<TopicDeclaration, 'name' | 'partitions'>[],
): Promise<void> {
  const limit = performance.now() + LEADERS_LIMIT_MS;
  const waitForTopic = async ({ name, partitions }: Pick<TopicDeclaration, 'name' | 'partitions'>): Promise<void> => {
    while (true) {
      try {
        const led = await count(name);
        if (led >= partitions) return;
        throw new Error(`${led} of ${partitions} partitions of ${name} have a leader`);
      } catch (error) {
        if (performance.now() > limit) throw error;
        await sleep(LEADERS_PAUSE_MS);
      }
    }
  };
  await Promise.all(topics.map(waitForTopic));
}

/** The topic's number of partitions; null: the topic does not exist. Throws where the brokers do not respond. */
export function partitionCount(bus: Bus, topic: string): Promise<number | null> {
  return askAdmin(bus, [{ operation: 'DESCRIBE', resource: 'topic', name: topic }], async (admin) => {
    try {
      const { topics } = await admin.fetchTopicMetadata({ topics: [topic] });
      return topics.find(({ name }) => name === topic)?.partitions.length ?? null;
    } catch (error) {
      // kafkajs calls this error transient. Here it is the answer.
      if (brokerErrorOf(error) === 'UNKNOWN_TOPIC_OR_PARTITION') return null;
      throw error;
    }
  });
}

/**
 * Deletes the records below an offset, by partition (KIP-107). Resolves when they can no longer be read.
 */
export function deleteRecordsBefore(bus: Bus, topic: string, offsets: ReadonlyMap<number, bigint>): Promise<void> {
  const partitions = [...offsets].map(([partition, offset]) => ({ partition, offset: String(offset) }));
  return withAdmin(bus, async (admin) => {
    // deleteTopicRecords does not look up the partitions' leaders itself.
    await admin.fetchTopicOffsets(topic);
    await admin.deleteTopicRecords({ topic, partitions });
  });
}
