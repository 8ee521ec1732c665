import { setTimeout as sleep } from 'node:timers/promises';
import type { Bus } from './bus.ts';
import type { Cluster, ClusterBroker } from './kafkajs/kafkajs.ts';

/** The operations of Kafka's authorizer, in the order of their codes: READ is 3. Source: `AclOperation` of Kafka's protocol. */
const OPERATIONS = [
  'READ',
  'WRITE',
  'CREATE',
  'DELETE',
  'ALTER',
  'DESCRIBE',
  'CLUSTER_ACTION',
  'DESCRIBE_CONFIGS',
  'ALTER_CONFIGS',
  'IDEMPOTENT_WRITE',
] as const;
const READ_CODE = 3;

/** An operation of Kafka's authorizer. */
export type KafkaOperation = (typeof OPERATIONS)[number];

/** What the current principal may do with a topic. Without DESCRIBE nobody can say whether a hidden topic exists. */
export interface TopicAccess {
  readonly state: 'present' | 'missing' | 'hidden';
  /** Empty unless the topic is present. */
  readonly operations: ReadonlySet<KafkaOperation>;
}

/** The operations that the brokers allow the current principal (KIP-430). */
export interface AuthorizedOperations {
  readonly topics: ReadonlyMap<string, TopicAccess>;
  /** Null: no broker is the coordinator of the group yet. */
  readonly groups: ReadonlyMap<string, ReadonlySet<KafkaOperation> | null>;
  /** Empty without DESCRIBE on the cluster. */
  readonly cluster: ReadonlySet<KafkaOperation>;
}

/**
 * Asks for topics and groups by name. Queries for "all" leave out without an error what the principal may not see; a query by
 * name reports it as hidden. A group need not exist.
 */
export const authorizedOperations = async (
  bus: Bus,
  { topics, groups }: { readonly topics: readonly string[]; readonly groups: readonly string[] },
): Promise<AuthorizedOperations> => {
  const cluster = openCluster(bus);
  await cluster.connect();
  try {
    await cluster.refreshMetadata();
    const any = await cluster.brokerPool.findConnectedBroker();
    const metadata = await ask(any, METADATA, metadataRequest(topics), readMetadata);
    const all = await Promise.all(metadata.brokers.map((nodeId) => cluster.brokerPool.findBroker({ nodeId })));
    return {
      topics: metadata.topics,
      groups: groups.length === 0 ? new Map() : await groupOperations(cluster, all, groups),
      cluster: metadata.cluster,
    };
  } finally {
    await cluster.disconnect();
  }
};

const COORDINATOR_LIMIT_MS = 10_000;
const COORDINATOR_PAUSE_MS = 300;

/** Asks all brokers, since any of them may be a group's coordinator. A new cluster has none until a client looks for one. */
const groupOperations = async (
  cluster: Cluster,
  brokers: readonly ClusterBroker[],
  groups: readonly string[],
): Promise<AuthorizedOperations['groups']> => {
  for (const limit = performance.now() + COORDINATOR_LIMIT_MS; ; await sleep(COORDINATOR_PAUSE_MS)) {
    const answers = await Promise.all(
      brokers.map((broker) => ask(broker, DESCRIBE_GROUPS, groupsRequest(groups), readGroups)),
    );
    const found = groups.map((group) => [group, answers.map((of) => of.get(group)).find(isKnown) ?? null] as const);
    const [unknown] = found.find(([, operations]) => operations === null) ?? [];
    if (unknown === undefined || performance.now() > limit) return new Map(found);
    await cluster.findGroupCoordinatorMetadata({ groupId: unknown }).catch(() => undefined);
  }
};

/** kafkajs exposes no way to send a request of its own. Its client creates clusters by a method under a symbol. */
const openCluster = (bus: Bus): Cluster => {
  const client: object = bus.client();
  const symbol = Object.getOwnPropertySymbols(client).find(
    ({ description }) => description === 'private:Kafka:createCluster',
  );
  const create: unknown = symbol === undefined ? undefined : Reflect.get(client, symbol);
  if (typeof create !== 'function') throw new Error('kafkajs has no method that creates a cluster');
  return create({ metadataMaxAge: METADATA_MAX_AGE_MS, allowAutoTopicCreation: false }) as Cluster; // by its name
};

const METADATA_MAX_AGE_MS = 300_000;

interface Api {
  readonly apiKey: number;
  readonly apiVersion: number;
  readonly apiName: string;
}

/** Version 8 is the first with authorized operations, and the last before the flexible encoding. */
const METADATA: Api = { apiKey: 3, apiVersion: 8, apiName: 'Metadata' };
/** Version 3 is the first with authorized operations. */
const DESCRIBE_GROUPS: Api = { apiKey: 15, apiVersion: 3, apiName: 'DescribeGroups' };

const ask = <T>(broker: ClusterBroker, api: Api, body: Buffer, read: (reader: Reader) => T): Promise<T> =>
  broker.connectionPool.send({
    request: { ...api, encode: async () => ({ buf: body, buffer: body }) },
    response: { decode: async (bytes) => read(new Reader(bytes)), parse: async (value) => value },
  });

/** Metadata Request (Version: 8) => [topics] allow_auto_topic_creation include_cluster_ops include_topic_ops */
const metadataRequest = (topics: readonly string[]): Buffer =>
  Buffer.concat([stringArray(topics), Buffer.from([0, 1, 1])]);

/** DescribeGroups Request (Version: 3) => [groups] include_authorized_operations */
const groupsRequest = (groups: readonly string[]): Buffer => Buffer.concat([stringArray(groups), Buffer.from([1])]);

const stringArray = (items: readonly string[]): Buffer => {
  const count = Buffer.alloc(4);
  count.writeInt32BE(items.length);
  return Buffer.concat([
    count,
    ...items.flatMap((item) => {
      const length = Buffer.alloc(2);
      length.writeInt16BE(Buffer.byteLength(item));
      return [length, Buffer.from(item)];
    }),
  ]);
};

const NONE = 0;
const TOPIC_AUTHORIZATION_FAILED = 29;
const GROUP_AUTHORIZATION_FAILED = 30;

/**
 * Metadata Response (Version: 8) => throttle_time_ms [brokers] cluster_id controller_id [topics] cluster_operations.
 * Fields that are not needed are read and dropped.
 */
const readMetadata = (reader: Reader) => {
  reader.int32();
  const brokers = reader.array(() => {
    const nodeId = reader.int32();
    reader.string();
    reader.int32();
    reader.string();
    return nodeId;
  });
  reader.string();
  reader.int32();
  const topics = reader.array(() => readTopic(reader));
  return { brokers, topics: new Map(topics), cluster: operationsIn(reader.int32()) };
};

/** error_code name is_internal [partitions] topic_operations */
const readTopic = (reader: Reader): readonly [string, TopicAccess] => {
  const error = reader.int16();
  const name = reader.string() ?? '';
  reader.int8();
  // error_code partition_index leader_id leader_epoch [replicas] [isr] [offline_replicas]
  reader.array(() => {
    reader.int16();
    for (let field = 0; field < 3; field += 1) reader.int32();
    for (let list = 0; list < 3; list += 1) reader.array(() => reader.int32());
  });
  const operations = operationsIn(reader.int32());
  if (error === TOPIC_AUTHORIZATION_FAILED) return [name, { state: 'hidden', operations: new Set() }];
  // A topic without leaders for the moment has an error too, and is there.
  return error === UNKNOWN_TOPIC_OR_PARTITION || error === INVALID_TOPIC
    ? [name, { state: 'missing', operations: new Set() }]
    : [name, { state: 'present', operations }];
};

const UNKNOWN_TOPIC_OR_PARTITION = 3;
const INVALID_TOPIC = 17;

/**
 * DescribeGroups Response (Version: 3) => throttle_time_ms [groups], each error_code group_id state protocol_type protocol_data
 * [members] authorized_operations. A broker that is not the coordinator answers with another error: the group is left out.
 */
const readGroups = (reader: Reader): ReadonlyMap<string, ReadonlySet<KafkaOperation>> => {
  reader.int32();
  const groups = reader.array(() => {
    const error = reader.int16();
    const id = reader.string() ?? '';
    for (let field = 0; field < 3; field += 1) reader.string();
    // member_id client_id client_host metadata assignment
    reader.array(() => {
      for (let field = 0; field < 3; field += 1) reader.string();
      for (let field = 0; field < 2; field += 1) reader.bytes();
    });
    return { error, id, operations: operationsIn(reader.int32()) };
  });
  return new Map(
    groups
      .filter(({ error }) => error === NONE || error === GROUP_AUTHORIZATION_FAILED)
      .map(({ error, id, operations }) => [id, error === NONE ? operations : new Set()]),
  );
};

const isKnown = <T>(value: T | undefined): value is T => value !== undefined;

/** Bit n stands for the operation with code n. The smallest int32 means that the operations were not determined. */
const operationsIn = (bits: number): ReadonlySet<KafkaOperation> =>
  bits < 0 ? new Set() : new Set(OPERATIONS.filter((_, index) => ((bits >> (READ_CODE + index)) & 1) === 1));

/** Reads the types of Kafka's protocol before the flexible encoding. */
class Reader {
  readonly #bytes: Buffer;
  #at = 0;
  constructor(bytes: Buffer) {
    this.#bytes = bytes;
  }
  int8(): number {
    return this.#bytes.readInt8(this.#advance(1));
  }
  int16(): number {
    return this.#bytes.readInt16BE(this.#advance(2));
  }
  int32(): number {
    return this.#bytes.readInt32BE(this.#advance(4));
  }
  string(): string | null {
    const length = this.int16();
    return length < 0 ? null : this.#bytes.toString('utf8', this.#advance(length), this.#at);
  }
  bytes(): void {
    this.#advance(Math.max(0, this.int32()));
  }
  array<T>(read: () => T): readonly T[] {
    return Array.from({ length: Math.max(0, this.int32()) }, read);
  }
  #advance(length: number): number {
    const from = this.#at;
    this.#at += length;
    return from;
  }
}
