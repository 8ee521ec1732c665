import type { TopicDeclaration } from '@vault-engine/bus';

/** The names of all topics. */
export interface TopicNames {
  readonly commands: string;
  readonly commandsDlt: string;
  readonly connectionEvents: string;
  readonly connectionState: string;
  readonly engines: string;
  readonly platforms: string;
  readonly auditLog: string;
  readonly auditCheckpoints: string;
  /** The reply topic of an engine, or of the gateway for {@link GATEWAY}. */
  readonly replies: (engine: string) => string;
}

/** The gateway reads replies on its own topic, like an engine. No engine may have this id. */
export const GATEWAY = 'gateway';

/** The topics' names, each with `prefix`, which isolates tests from one another. */
export const topicNames = (prefix = ''): TopicNames => ({
  commands: `${prefix}vault.commands`,
  commandsDlt: `${prefix}vault.commands.dlt`,
  connectionEvents: `${prefix}vault.connection-events`,
  connectionState: `${prefix}vault.connection-state`,
  engines: `${prefix}vault.engines`,
  platforms: `${prefix}vault.platforms`,
  auditLog: `${prefix}vault.audit-log`,
  auditCheckpoints: `${prefix}vault.audit-checkpoints`,
  replies: (engine) => `${prefix}vault.replies.${engine}`,
});

/** A declared topic. `replies` means one topic per engine and one for the gateway. */
export type TopicKind = keyof TopicNames;

/** The kind of cluster that the topics are declared for. */
export type TopicEnvironment = 'development' | 'production';

/** Options of {@link topicSpecs}. */
export interface TopicSpecsOptions {
  readonly prefix?: string;
  readonly engines: readonly string[];
  readonly environment: TopicEnvironment;
  /** Partition counts and settings of an installation that replace the declared ones. */
  readonly overrides?: Partial<Record<TopicKind, Partial<Omit<TopicDeclaration, 'name'>>>>;
}

const SECOND = 1_000;
const MINUTE = 60 * SECOND;
const HOUR = 60 * MINUTE;
const DAY = 24 * HOUR;
const KIB = 1_024;
const MIB = 1_024 * KIB;
const GIB = 1_024 * MIB;

/** The retention of commands, in ms. It bounds how late a command can be executed, or executed again. */
export const COMMAND_RETENTION_MS = HOUR;

interface Declaration {
  readonly partitions: Readonly<Record<TopicEnvironment, number>>;
  readonly config: Readonly<Record<string, string | number>>;
  /** Whether an acknowledged message must survive the loss of a broker. */
  readonly durable: boolean;
}

/**
 * A topic that deletes by age. Kafka deletes closed segments only, so a short retention needs short segments. The broker
 * sets the timestamps, so a writer's clock cannot keep a segment alive.
 */
const deletedAfter = (retentionMs: number, segmentMs: number): Declaration['config'] => ({
  'cleanup.policy': 'delete',
  'retention.ms': retentionMs,
  'segment.ms': segmentMs,
  'message.timestamp.type': 'LogAppendTime',
});

/** A topic that keeps the last message of each key. Tombstones stay for a day, enough for one full read. */
const COMPACTED: Declaration['config'] = {
  'cleanup.policy': 'compact',
  'segment.ms': HOUR,
  'min.cleanable.dirty.ratio': '0.1',
  'max.compaction.lag.ms': 6 * HOUR,
  'delete.retention.ms': DAY,
};

const DECLARED: Readonly<Record<TopicKind, Declaration>> = {
  commands: {
    partitions: { development: 8, production: 48 },
    config: { ...deletedAfter(COMMAND_RETENTION_MS, 5 * MINUTE), 'max.message.bytes': 256 * KIB },
    durable: true,
  },
  // Larger than a command's limit, to hold the headers that describe its origin.
  commandsDlt: {
    partitions: { development: 1, production: 6 },
    config: { ...deletedAfter(14 * DAY, DAY), 'retention.bytes': GIB, 'max.message.bytes': MIB },
    durable: true,
  },
  replies: {
    partitions: { development: 4, production: 12 },
    config: { ...deletedAfter(10 * MINUTE, MINUTE), 'max.message.bytes': MIB },
    durable: false,
  },
  connectionEvents: {
    partitions: { development: 8, production: 24 },
    config: deletedAfter(7 * DAY, DAY),
    durable: true,
  },
  connectionState: {
    partitions: { development: 8, production: 24 },
    config: COMPACTED,
    durable: true,
  },
  engines: { partitions: { development: 1, production: 1 }, config: COMPACTED, durable: true },
  platforms: { partitions: { development: 1, production: 1 }, config: COMPACTED, durable: true },
  auditLog: {
    partitions: { development: 4, production: 24 },
    config: { ...deletedAfter(400 * DAY, DAY), 'compression.type': 'gzip' },
    durable: true,
  },
  auditCheckpoints: {
    partitions: { development: 1, production: 1 },
    config: { ...deletedAfter(-1, 7 * DAY), 'compression.type': 'gzip' },
    durable: true,
  },
};

/**
 * For every topic: the broker rewrites each batch uncompressed, whatever codec the producer used. kafkajs cannot decode
 * all codecs.
 */
const EVERYWHERE: Declaration['config'] = { 'compression.type': 'uncompressed' };

const BY_ENVIRONMENT: Readonly<Record<TopicEnvironment, (declared: Declaration) => Declaration['config']>> = {
  development: () => ({ 'segment.bytes': 64 * MIB }),
  production: ({ durable }) => ({ 'min.insync.replicas': durable ? 2 : 1 }),
};

/** Every topic of an installation, including one reply topic per engine. */
export const topicSpecs = (options: TopicSpecsOptions): readonly TopicDeclaration[] => {
  const { replies, ...single } = topicNames(options.prefix);
  const readers = [...new Set([...options.engines, GATEWAY])];
  return [
    ...(Object.keys(single) as (keyof typeof single)[]).map((kind) => specOf(kind, single[kind], options)), // keys of a fresh literal
    ...readers.map((engine) => specOf('replies', replies(engine), options)),
  ];
};

const specOf = (kind: TopicKind, name: string, { environment, overrides }: TopicSpecsOptions): TopicDeclaration => {
  const declared = DECLARED[kind];
  const config = { ...EVERYWHERE, ...declared.config, ...BY_ENVIRONMENT[environment](declared) };
  return {
    name,
    partitions: overrides?.[kind]?.partitions ?? declared.partitions[environment],
    config: { ...asText(config), ...overrides?.[kind]?.config },
  };
};

const asText = (config: Declaration['config']): Record<string, string> =>
  Object.fromEntries(Object.entries(config).map(([key, value]) => [key, String(value)]));
