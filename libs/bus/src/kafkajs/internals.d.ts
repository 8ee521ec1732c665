// The internals of kafkajs 2.2.4 that the patches in this folder use. The version is pinned, and each patch checks that the
// method that it replaces exists.
declare module 'kafkajs/src/network/requestQueue/index.js' {
  export default class RequestQueue {
    readonly pending: readonly unknown[];
    readonly throttledUntil: number;
    inflight: { readonly size: number };
    throttleCheckTimeoutId: NodeJS.Timeout | null;
    checkPendingRequests(): void;
    scheduleCheckPendingRequests(): void;
    scheduleRequestTimeoutCheck(): void;
  }
}

declare module 'kafkajs/src/consumer/offsetManager/index.js' {
  interface StartOffsets {
    readonly partitions: readonly { readonly partition: number; readonly offset: string }[];
  }
  export default class OffsetManager {
    readonly cluster: {
      fetchTopicsOffset(
        topics: readonly { topic: string; partitions: readonly { partition: number }[]; fromBeginning: boolean }[],
      ): Promise<readonly StartOffsets[]>;
    };
    readonly resolvedOffsets: Record<string, Record<number, string>>;
    nextOffset(topic: string, partition: number): { toString(): string };
    setDefaultOffset(at: { topic: string; partition: number }): Promise<void>;
  }
}

declare module 'kafkajs/src/cluster/index.js' {
  /** A connection to a broker that sends any request. */
  export interface ClusterBroker {
    readonly connectionPool: {
      send<T>(request: {
        readonly request: {
          readonly apiKey: number;
          readonly apiVersion: number;
          readonly apiName: string;
          readonly encode: () => Promise<{ readonly buf: Buffer; readonly buffer: Buffer }>;
        };
        readonly response: {
          readonly decode: (bytes: Buffer) => Promise<T>;
          readonly parse: (value: T) => Promise<T>;
        };
      }): Promise<T>;
    };
  }
  export default class Cluster {
    readonly brokerPool: {
      withBroker: (ask: (broker: object) => Promise<unknown>) => Promise<unknown>;
      findConnectedBroker: () => Promise<ClusterBroker>;
      findBroker: (of: { readonly nodeId: number }) => Promise<ClusterBroker>;
    };
    connect(): Promise<void>;
    disconnect(): Promise<void>;
    isolationLevel: number | undefined;
    fetchTopicsOffset(topics: readonly object[]): Promise<readonly object[]>;
    findGroupCoordinatorMetadata(group: {
      readonly groupId: string;
      readonly coordinatorType?: number;
    }): Promise<{ readonly coordinator: { readonly nodeId: number } }>;
    refreshMetadata(): Promise<void>;
    findBroker(of: { readonly nodeId: number }): Promise<object>;
  }
}

declare module 'kafkajs/src/consumer/batch.js' {
  /** What one fetch returned for one partition. */
  export default class Batch {
    constructor(
      topic: string,
      fetchedOffset: string,
      partition: Pick<
        import('./decode-fetch.ts').FetchedPartition,
        'partition' | 'highWatermark' | 'abortedTransactions' | 'messages'
      >,
    );
    readonly topic: string;
    readonly partition: number;
    /** Decimal text, as all offsets. */
    readonly highWatermark: string;
    /** The position from which the fetch was requested. */
    readonly fetchedOffset: string;
    readonly rawMessages: readonly import('./decode-fetch.ts').FetchedMessage[];
    /** Whether no record is left for the consumer. */
    isEmpty(): boolean;
    lastOffset(): string;
  }
}

declare module 'kafkajs/src/consumer/consumerGroup.js' {
  import type Cluster from 'kafkajs/src/cluster/index.js';
  import type Batch from 'kafkajs/src/consumer/batch.js';

  type OfCluster = Pick<Cluster, 'findGroupCoordinatorMetadata' | 'refreshMetadata' | 'findBroker'>;
  export default class ConsumerGroup {
    constructor(parts: {
      readonly groupId: string;
      readonly cluster: OfCluster;
      readonly topics: readonly string[];
      readonly topicConfigurations?: Readonly<Record<string, { readonly fromBeginning: boolean }>>;
      readonly assigners?: readonly object[];
      readonly retry?: { readonly retries: number };
      readonly logger: { readonly namespace: () => object };
      readonly instrumentationEmitter: { readonly emit: () => void };
    });
    readonly groupId: string;
    /** How long a fetch waits for records, in ms. */
    maxWaitTime: number;
    readonly cluster: OfCluster;
    /** The connection for heartbeats; null before the first join. */
    coordinator: object | null;
    /** Sends commits; one for each assignment. */
    readonly offsetManager: { coordinator: object; readonly generationId: number } | null;
    /** Null once the group has forgotten the member. */
    readonly memberId: string | null;
    /** From the last response to a request to join; null before the first. */
    readonly generationId: number | null;
    heartbeat(options: { readonly interval: number }): Promise<void>;
    joinAndSync(): Promise<void>;
    commitOffsets(offsets: import('kafkajs').OffsetsByTopicPartition): Promise<void>;
    resolveOffset(at: { readonly topic: string; readonly partition: number; readonly offset: string }): void;
    /** The batches of one broker. */
    fetch(nodeId: string): Promise<readonly Batch[]>;
  }
}

declare module 'kafkajs/src/protocol/decoder.js' {
  export default class Decoder {
    readVarInt(): number;
    readVarIntArray<T>(read: (decoder: Decoder) => T): T[];
  }
}

declare module 'kafkajs/src/protocol/requests/produce/index.js' {
  /** The fields that kafkajs's `writeEncoder` reads. */
  interface Encoded {
    readonly buf: Buffer;
    readonly buffer: Buffer;
  }
  interface KafkaRequest {
    readonly request: { readonly encode: () => Promise<Encoded> };
    readonly response: {
      readonly parse: (
        answer: import('./patch-produce.ts').ProduceResponse,
      ) => Promise<import('./patch-produce.ts').ProduceResponse>;
    };
  }
  const produce: {
    readonly versions: readonly string[];
    protocol: (of: {
      readonly version: number;
    }) => (request: import('./encode-produce.ts').ProduceRequest) => KafkaRequest;
  };
  export default produce;
}

declare module 'kafkajs/src/protocol/encoder.js' {
  export default class Encoder {
    static nextPowerOfTwo(value: number): number;
    constructor(size?: number);
    buf: Buffer;
    /** The number of bytes of `buf` that are written. */
    readonly offset: number;
    /** The written bytes. */
    readonly buffer: Buffer;
    ensureAvailable(length: number): void;
    writeEncoder(other: Encoder): this;
    writeString(text: string): this;
  }
}

declare module 'kafkajs/src/broker/index.js' {
  export default class Broker {
    produce(
      request: import('./encode-produce.ts').ProduceRequest,
    ): Promise<import('./patch-produce.ts').ProduceResponse>;
  }
}

declare module 'kafkajs/src/protocol/requests/fetch/index.js' {
  interface KafkaRequest {
    readonly request: { readonly encode: () => Promise<object> };
    readonly response: { readonly decode: (bytes: Buffer) => Promise<import('./decode-fetch.ts').FetchResponse> };
    readonly requestTimeout: number;
  }
  const fetch: {
    readonly versions: readonly string[];
    protocol: (of: { readonly version: number }) => (request: object) => KafkaRequest;
  };
  export default fetch;
}

declare module 'kafkajs/src/producer/groupMessagesPerPartition.js' {
  import type { Message } from 'kafkajs';

  export default function groupMessagesPerPartition(of: {
    readonly topic: string;
    readonly partitionMetadata: readonly object[];
    readonly messages: readonly Message[];
    readonly partitioner: (of: { readonly message: Message }) => number;
  }): Readonly<Record<number, readonly Message[]>>;
}
