import type { Admin } from 'kafkajs';
import { type Bus, withAdmin } from './bus.ts';
import { ConfigResourceTypes } from './kafkajs.ts';
import { type AskLeaders, untilLed } from './until-led.ts';

/** A topic as it should be. */
export interface TopicSpec {
  readonly name: string;
  /** At least so many: a partition can be added, never taken away. */
  readonly partitions: number;
  /** Kafka's topic settings by name. Others are left as they stand. */
  readonly config: Readonly<Record<string, string>>;
}

/** A difference between a topic as it is and as it should be. */
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

/** What differs, without changing it. Empty: all topics are as they should be. */
export function checkTopics(bus: Bus, specs: readonly TopicSpec[]): Promise<readonly TopicChange[]> {
  return withAdmin(bus, (admin) => compare(admin, specs));
}

/**
 * Makes the topics as they should be and answers what had to be changed. Running it again changes nothing. Each partition that
 * it has made has a leader that answers.
 */
export function applyTopics(
  bus: Bus,
  specs: readonly TopicSpec[],
  { replicationFactor }: { readonly replicationFactor: number },
): Promise<readonly TopicChange[]> {
  return withAdmin(bus, async (admin) => {
    const changes = await compare(admin, specs);
    await create(admin, named(specs, changes, 'create'), replicationFactor);
    await addPartitions(admin, changes);
    await alterConfig(admin, named(specs, changes, 'config'));
    await untilLed(leadersOf(bus), [...named(specs, changes, 'create'), ...named(specs, changes, 'partitions')]);
    return changes;
  });
}

/** With a connection for each question: kafkajs keeps what the brokers said first. */
const leadersOf =
  (bus: Bus): AskLeaders =>
  (topic) =>
    withAdmin(bus, async (admin) => (await admin.fetchTopicOffsets(topic)).length);

/** Deletes the topics that exist and leaves the others be. */
export function deleteTopics(bus: Bus, names: readonly string[]): Promise<void> {
  return withAdmin(bus, async (admin) => {
    const present = new Set(await admin.listTopics());
    const topics = names.filter((name) => present.has(name));
    if (topics.length > 0) await admin.deleteTopics({ topics });
  });
}

async function compare(admin: Admin, specs: readonly TopicSpec[]): Promise<readonly TopicChange[]> {
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

async function partitionsOf(admin: Admin, specs: readonly TopicSpec[]): Promise<ReadonlyMap<string, number>> {
  if (specs.length === 0) return new Map();
  const { topics } = await admin.fetchTopicMetadata({ topics: specs.map(({ name }) => name) });
  return new Map(topics.map(({ name, partitions }) => [name, partitions.length]));
}

interface Setting {
  readonly value: string;
  /** Set for this topic, not taken over from the broker. */
  readonly own: boolean;
}

type Settings = ReadonlyMap<string, Setting>;

async function configsOf(admin: Admin, specs: readonly TopicSpec[]): Promise<ReadonlyMap<string, Settings>> {
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

function partitionChange(spec: TopicSpec, counts: ReadonlyMap<string, number>): readonly TopicChange[] {
  const from = counts.get(spec.name) ?? 0;
  return from < spec.partitions ? [{ topic: spec.name, kind: 'partitions', from, to: spec.partitions }] : [];
}

/** A setting must be the topic's own: one that only happens to equal the broker's default changes with the broker. */
function configChanges(spec: TopicSpec, configs: ReadonlyMap<string, Settings>): readonly TopicChange[] {
  const settings = configs.get(spec.name);
  return Object.entries(spec.config).flatMap(([name, to]): readonly TopicChange[] => {
    const is = settings?.get(name);
    return is?.own && is.value === to ? [] : [{ topic: spec.name, kind: 'config', name, from: is?.value ?? null, to }];
  });
}

function named(
  specs: readonly TopicSpec[],
  changes: readonly TopicChange[],
  kind: TopicChange['kind'],
): readonly TopicSpec[] {
  const names = new Set(changes.filter((change) => change.kind === kind).map(({ topic }) => topic));
  return specs.filter(({ name }) => names.has(name));
}

async function create(admin: Admin, specs: readonly TopicSpec[], replicationFactor: number): Promise<void> {
  if (specs.length === 0) return;
  await admin.createTopics({
    // It would wait itself, and fail where the broker does not know the topic yet that it has just said is created.
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

/** kafkajs knows only the request that replaces all of a topic's own settings: so those that no spec names go along. */
async function alterConfig(admin: Admin, specs: readonly TopicSpec[]): Promise<void> {
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
