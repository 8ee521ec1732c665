import { Cluster } from './kafkajs.ts';
import { patchMethod } from './patch-method.ts';

/**
 * Makes "no broker knows the group coordinator" a retriable error. kafkajs 2.2.4 calls `KafkaJSGroupCoordinatorNotFound` not
 * retriable, so a consumer that rejoins while the brokers restart ends for good. The brokers come back, so kafkajs tries again.
 */
export function patchCluster(): void {
  patchMethod(
    Cluster.prototype,
    'findGroupCoordinatorMetadata',
    (find) =>
      async function findOrFailRetriably(this: Cluster, group) {
        try {
          return await find.call(this, group);
        } catch (error) {
          if (error instanceof Error && error.name === 'KafkaJSGroupCoordinatorNotFound')
            Object.assign(error, { retriable: true });
          throw error;
        }
      },
  );
}
