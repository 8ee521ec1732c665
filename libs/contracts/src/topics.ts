/** A topic as it is created and checked. */
export interface TopicSpec {
  readonly name: string;
  readonly partitions: number;
  readonly config: Readonly<Record<string, string>>;
}

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
  /** The topic that an engine's replies go to, or the gateway's own with {@link GATEWAY}. */
  readonly replies: (engine: string) => string;
}

/** The gateway reads replies as an engine does, on a topic of its own. No engine may have this id. */
export const GATEWAY = 'gateway';

/** The topics' names. `prefix` stands before each, so that a test has a world of its own. */
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

/** A topic of the declaration; `replies` stands for one topic for each engine and one for the gateway. */
export type TopicKind = keyof TopicNames;

/** Where the topics live. */
export type TopicEnvironment = 'development' | 'production';

/** What the declaration is made for. */
export interface TopicSpecsOptions {
  readonly prefix?: string;
  readonly engines: readonly string[];
  readonly environment: TopicEnvironment;
  /** What an installation has otherwise: its own partition counts, or settings over the declared ones. */
  readonly overrides?: Partial<Record<TopicKind, Partial<Omit<TopicSpec, 'name'>>>>;
}

const SECOND = 1_000;
const MINUTE = 60 * SECOND;
const HOUR = 60 * MINUTE;
const DAY = 24 * HOUR;
const KIB = 1_024;
const MIB = 1_024 * KIB;

/** How long a command stays on its topic, in ms: a bound for how late it can be executed, or executed again. */
export const COMMAND_RETENTION_MS = HOUR;

interface Declaration {
  readonly partitions: Readonly<Record<TopicEnvironment, number>>;
  readonly config: Readonly<Record<string, string | number>>;
  /** Whether an acknowledged message has to survive the loss of a broker. */
  readonly durable: boolean;
}

/**
 * A short retention needs short segments: Kafka deletes closed segments only. The append time is the broker's wherever
 * age decides, so that a writer's clock can't keep a segment alive.
 */
const kept = (retentionMs: number, segmentMs: number): Declaration['config'] => ({
  'cleanup.policy': 'delete',
  'retention.ms': retentionMs,
  'segment.ms': segmentMs,
  'message.timestamp.type': 'LogAppendTime',
});

/** The last message of each key. A reader has a day for one full pass before tombstones go (`delete.retention.ms`). */
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
    config: { ...kept(COMMAND_RETENTION_MS, 5 * MINUTE), 'max.message.bytes': 256 * KIB },
    durable: true,
  },
  // More bytes than a command has, for the headers that say where it came from.
  commandsDlt: {
    partitions: { development: 1, production: 6 },
    config: { ...kept(14 * DAY, DAY), 'max.message.bytes': MIB },
    durable: true,
  },
  replies: {
    partitions: { development: 4, production: 12 },
    config: { ...kept(10 * MINUTE, MINUTE), 'max.message.bytes': MIB },
    durable: false,
  },
  connectionEvents: {
    partitions: { development: 8, production: 24 },
    config: kept(7 * DAY, DAY),
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
    config: { ...kept(400 * DAY, DAY), 'compression.type': 'gzip' },
    durable: true,
  },
  auditCheckpoints: {
    partitions: { development: 1, production: 1 },
    config: { ...kept(-1, 7 * DAY), 'compression.type': 'gzip' },
    durable: true,
  },
};

/**
 * For every topic: the broker writes batches anew in a form that every consumer reads, whatever the producer sent: kafkajs
 * stops at a batch of zstd.
 */
const EVERYWHERE: Declaration['config'] = { 'compression.type': 'uncompressed' };

const BY_ENVIRONMENT: Readonly<Record<TopicEnvironment, (declared: Declaration) => Declaration['config']>> = {
  development: () => ({ 'segment.bytes': 64 * MIB }),
  production: ({ durable }) => ({ 'min.insync.replicas': durable ? 2 : 1 }),
};

/** Every topic of an installation, one for the replies to each engine included. */
export const topicSpecs = (options: TopicSpecsOptions): readonly TopicSpec[] => {
  const { replies, ...single } = topicNames(options.prefix);
  const readers = [...new Set([...options.engines, GATEWAY])];
  return [
    ...(Object.keys(single) as (keyof typeof single)[]).map((kind) => specOf(kind, single[kind], options)), // keys of a fresh literal
    ...readers.map((engine) => specOf('replies', replies(engine), options)),
  ];
};

const specOf = (kind: TopicKind, name: string, { environment, overrides }: TopicSpecsOptions): TopicSpec => {
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
