import ConsumerGroup from 'kafkajs/src/consumer/consumerGroup.js';

/** Marks the heartbeat as repaired, so that a second call changes nothing. */
const repaired = new WeakSet<object>();

/**
 * Where the broker that coordinates a group is lost, kafkajs 2.2.4 goes on knocking at its door until it has run out of
 * retries, and reads nothing meanwhile; then it joins as another member. With {@link openLaneConsumer}'s patience that is
 * half a minute for which a worker is deaf, although another broker has long taken the group over, members and all. This asks
 * who coordinates now after each heartbeat that got no answer, and the member goes on as the one that it is.
 */
export function repairMovedCoordinator(): void {
  const { prototype } = ConsumerGroup;
  const { heartbeat } = prototype;
  if (typeof heartbeat !== 'function') throw new Error('kafkajs has changed: ConsumerGroup.heartbeat is missing');
  if (repaired.has(heartbeat)) return;
  prototype.heartbeat = async function beatOrAskAnew(interval): Promise<void> {
    try {
      await heartbeat.call(this, interval);
    } catch (error) {
      if (!isAnswer(error)) await findAnew(this).catch(() => undefined);
      throw error;
    }
  };
  repaired.add(prototype.heartbeat);
}

/** The coordinator lives where it says what is wrong: errors of the protocol have a type. */
const isAnswer = (error: unknown): boolean => error instanceof Error && 'type' in error;

/** Once: the next heartbeat leads here again. */
const findAnew = async (group: ConsumerGroup): Promise<void> => {
  const { cluster, groupId, offsetManager } = group;
  // Leaves those brokers out that are gone.
  await cluster.refreshMetadata();
  const { coordinator } = await cluster.findGroupCoordinatorMetadata({ groupId, coordinatorType: OF_GROUPS });
  const broker = await cluster.findBroker({ nodeId: coordinator.nodeId });
  group.coordinator = broker;
  if (offsetManager !== null) offsetManager.coordinator = broker;
};

/** https://kafka.apache.org/protocol#The_Messages_FindCoordinator */
const OF_GROUPS = 0;
