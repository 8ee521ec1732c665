import Cluster from 'kafkajs/src/cluster/index.js';

/**
 * Where no broker at all answers who coordinates a group, kafkajs 2.2.4 throws `KafkaJSGroupCoordinatorNotFound` and calls it
 * an error that no repetition helps: a consumer that has to join again while the brokers restart ends for good, and with it
 * every process that follows a topic. The brokers come back; this says so, and kafkajs tries again.
 */
export function repairLostCoordinator(): void {
  const { prototype } = Cluster;
  const { findGroupCoordinatorMetadata: ask } = prototype;
  if (typeof ask !== 'function')
    throw new Error('kafkajs has changed: Cluster.findGroupCoordinatorMetadata is missing');
  prototype.findGroupCoordinatorMetadata = async function askOrMayAskAgain(group) {
    try {
      return await ask.call(this, group);
    } catch (error) {
      if (error instanceof Error && error.name === 'KafkaJSGroupCoordinatorNotFound')
        Object.assign(error, { retriable: true });
      throw error;
    }
  };
}
