import { refusedResourceOf } from '../rights.ts';
import { Cluster } from './kafkajs.ts';
import { patchMethod } from './patch-method.ts';

/**
 * Patches the client's view of the cluster.
 *
 * 1. Makes "no broker knows the group coordinator" a retriable error. kafkajs 2.2.4 calls `KafkaJSGroupCoordinatorNotFound` not
 *    retriable, so a consumer that rejoins while the brokers restart ends for good. The brokers come back, so kafkajs tries again.
 *    If a broker refuses the group instead, the error is that refusal, which no retry heals.
 * 2. Makes the end of a log its high watermark. Without a consumer, kafkajs asks for the last stable offset, which an open
 *    transaction keeps below it. The bus reads uncommitted, so its positions would be above that end.
 */
export function patchCluster(): void {
  patchMethod(
    Cluster.prototype,
    'findGroupCoordinatorMetadata',
    (find) =>
      async function findOrFailRetriably(this: Cluster, group) {
        const refusals: unknown[] = [];
        const { brokerPool } = this;
        // kafkajs drops the errors of the single brokers.
        const withBroker: typeof brokerPool.withBroker = (ask) =>
          brokerPool.withBroker(async (broker) => {
            try {
              return await ask(broker);
            } catch (error) {
              if (refusedResourceOf(error) !== undefined) refusals.push(error);
              throw error;
            }
          });
        const observed: Cluster = Object.create(this, { brokerPool: { value: { withBroker } } });
        try {
          return await find.call(observed, group);
        } catch (error) {
          if (!(error instanceof Error) || error.name !== 'KafkaJSGroupCoordinatorNotFound') throw error;
          throw refusals[0] ?? Object.assign(error, { retriable: true });
        }
      },
  );
  patchMethod(
    Cluster.prototype,
    'fetchTopicsOffset',
    (fetchTopicsOffset) =>
      function fetchHighWatermarks(this: Cluster, topics) {
        this.isolationLevel = READ_UNCOMMITTED;
        return fetchTopicsOffset.call(this, topics);
      },
  );
}

/** https://kafka.apache.org/protocol#The_Messages_ListOffsets: isolation_level */
const READ_UNCOMMITTED = 0;
