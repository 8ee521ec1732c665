import ConsumerGroup from 'kafkajs/src/consumer/consumerGroup.js';

/** Marks the heartbeat as repaired, so that a second call changes nothing. */
const repaired = new WeakSet<object>();

/**
 * Where the broker that coordinates a group is lost, kafkajs 2.2.4 goes on knocking at its door until it has run out of
 * retries, and reads nothing meanwhile; then it joins as another member. With {@link openGroupConsumer}'s patience that is
 * half a minute for which a worker is deaf, although another broker has long taken the group over, members and all. This asks
 * who coordinates now after each heartbeat that got no answer, and the member goes on as the one that it is.
 *
 * Where a new coordinator refuses the request to join, because it is still loading or its connection breaks, and takes
 * heartbeats then, no assignment follows that would tell the commits of it: kafkajs sends them to the old one for ever. This
 * sends them where the heartbeats go.
 */
export function repairMovedCoordinator(): void {
  const { prototype } = ConsumerGroup;
  const { heartbeat } = prototype;
  if (typeof heartbeat !== 'function') throw new Error('kafkajs has changed: ConsumerGroup.heartbeat is missing');
  if (repaired.has(heartbeat)) return;
  prototype.heartbeat = async function beatOrAskAnew(interval): Promise<void> {
    try {
      await heartbeat.call(this, interval);
      if (this.coordinator !== null) commitThere(this, this.coordinator);
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
  const { cluster, groupId } = group;
  // Leaves those brokers out that are gone.
  await cluster.refreshMetadata();
  const { coordinator } = await cluster.findGroupCoordinatorMetadata({ groupId, coordinatorType: OF_GROUPS });
  const broker = await cluster.findBroker({ nodeId: coordinator.nodeId });
  group.coordinator = broker;
  commitThere(group, broker);
};

const commitThere = ({ offsetManager }: ConsumerGroup, coordinator: object): void => {
  if (offsetManager !== null) offsetManager.coordinator = coordinator;
};

/** https://kafka.apache.org/protocol#The_Messages_FindCoordinator */
const OF_GROUPS = 0;
