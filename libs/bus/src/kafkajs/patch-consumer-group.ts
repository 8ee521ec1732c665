import type { OffsetsByTopicPartition } from 'kafkajs';
import type Batch from 'kafkajs/src/consumer/batch.js';
import { observerOf } from './consumer-observer.ts';
import { ConsumerGroup } from './kafkajs.ts';
import { fetchedEndOf } from './patch-batch.ts';
import { patchMethod } from './patch-method.ts';

/** Members whose last join got a generation but no assignment. */
const interrupted = new WeakSet<ConsumerGroup>();
/** For each batch, whether the assignment for which it was fetched has ended. */
const staleChecks = new WeakMap<object, () => boolean>();

/**
 * Patches the member of a consumer group.
 *
 * 1. Interrupted join. A member joins in two steps: the coordinator gives it a generation, then an assignment. If the second
 *    step fails (the connection breaks), kafkajs 2.2.4 continues with heartbeats of the new generation, which the coordinator
 *    confirms, and commits of the old one, which the coordinator refuses for ever. If the coordinator has forgotten the
 *    member, kafkajs continues without heartbeats. The patch makes such a member rejoin at its next heartbeat.
 * 2. Moved coordinator. If the coordinator's broker is lost, kafkajs keeps asking that broker until it runs out of retries,
 *    half a minute with `openGroupConsumer`'s settings, and then joins as another member. The patch looks the coordinator up
 *    after each heartbeat that got no response, and the member continues under its own id.
 * 3. Commits after a move. A new coordinator may refuse the request to join (still loading) and then confirm heartbeats, so no
 *    new assignment follows. kafkajs sends commits to the old broker for ever. The patch sends commits where heartbeats go.
 * 4. Stale fetches. kafkajs fetches from each broker independently. After a rejoin, positions go back to the committed
 *    offsets, and a fetch that is still in flight returns records from the earlier position. The patch remembers for which
 *    assignment each batch was fetched; see {@link isStaleBatch}.
 * 5. Fetches without records. kafkajs skips the position past control records, but reports it to no one, and stays before a record
 *    batch that compaction emptied. The patch advances the position and calls the consumer's observer.
 * 6. First fetch. Only a fetch shows whether the topics may be read and at which position the member is. The patch makes the first
 *    one return at once, also without records.
 */
export function patchConsumerGroup(): void {
  const { prototype } = ConsumerGroup;
  patchMethod(
    prototype,
    'joinAndSync',
    (joinAndSync) =>
      async function joinAndRememberInterruption(this: ConsumerGroup): Promise<void> {
        try {
          await joinAndSync.call(this);
          interrupted.delete(this);
        } catch (error) {
          if (isInterrupted(this)) interrupted.add(this);
          throw error;
        }
      },
  );
  patchMethod(
    prototype,
    'heartbeat',
    (heartbeat) =>
      async function heartbeatOrRejoin(this: ConsumerGroup, options): Promise<void> {
        if (interrupted.has(this)) throw new JoinInterrupted();
        try {
          await heartbeat.call(this, options);
          if (this.coordinator !== null) sendCommitsTo(this, this.coordinator);
        } catch (error) {
          if (!isBrokerResponse(error)) await findCoordinator(this).catch(() => undefined);
          throw error;
        }
      },
  );
  patchMethod(
    prototype,
    'fetch',
    (fetch) =>
      async function fetchForAssignment(this: ConsumerGroup, nodeId): Promise<readonly Batch[]> {
        // Each assignment has its own offset manager.
        const { offsetManager } = this;
        const batches = await fetchQuicklyAtFirst(this, () => fetch.call(this, nodeId));
        for (const batch of batches) {
          staleChecks.set(batch, () => this.offsetManager !== offsetManager);
          if (this.offsetManager === offsetManager && batch.isEmpty()) skipEmpty(this, batch);
        }
        return batches;
      },
  );
}

/**
 * Whether the member has rejoined since the batch was requested. The batch's records are delivered again from the committed
 * offset; taking them as the first of the new assignment would count the records below them as done.
 */
export const isStaleBatch = (batch: object): boolean => staleChecks.get(batch)?.() ?? false;

/** The configured wait of members that have not completed a fetch. */
const configuredWaits = new WeakMap<ConsumerGroup, number>();

const fetchQuicklyAtFirst = async <T>(group: ConsumerGroup, fetch: () => Promise<T>): Promise<T> => {
  if (!configuredWaits.has(group)) {
    configuredWaits.set(group, group.maxWaitTime);
    group.maxWaitTime = FIRST_WAIT_MS;
  }
  const fetched = await fetch();
  group.maxWaitTime = configuredWaits.get(group) ?? group.maxWaitTime;
  return fetched;
};

const FIRST_WAIT_MS = 1;

/** Advances past a fetch without records, and reports it. */
const skipEmpty = (group: ConsumerGroup, batch: Batch): void => {
  const { topic, partition } = batch;
  const end = fetchedEndOf(batch);
  // kafkajs does it itself where the fetch had control records.
  if (end !== undefined && batch.rawMessages.length === 0)
    group.resolveOffset({ topic, partition, offset: String(end - 1) });
  observerOf(group.cluster)?.onEmptyFetch?.({
    topic,
    partition,
    position: end === undefined ? batch.fetchedOffset : String(end),
    highWatermark: batch.highWatermark,
    commit: (offsets: OffsetsByTopicPartition) => group.commitOffsets(offsets),
  });
};

/** Not a member, or of another generation than its assignment. A join in progress looks the same and is not asked. */
const isInterrupted = ({ memberId, generationId, offsetManager }: ConsumerGroup): boolean =>
  memberId === null || generationId !== (offsetManager?.generationId ?? null);

/** kafkajs reads from the type that the member has to rejoin. */
class JoinInterrupted extends Error {
  override readonly name = 'JoinInterrupted';
  readonly type = 'REBALANCE_IN_PROGRESS';

  constructor() {
    super('the last join got no assignment; joining again');
  }
}

/** A broker that refuses is alive: errors of the protocol have a type. */
const isBrokerResponse = (error: unknown): boolean => error instanceof Error && 'type' in error;

/** One attempt: the next heartbeat makes another. */
const findCoordinator = async (group: ConsumerGroup): Promise<void> => {
  const { cluster, groupId } = group;
  // Drops brokers that left the cluster.
  await cluster.refreshMetadata();
  const { coordinator } = await cluster.findGroupCoordinatorMetadata({ groupId, coordinatorType: GROUP_COORDINATOR });
  const broker = await cluster.findBroker({ nodeId: coordinator.nodeId });
  group.coordinator = broker;
  sendCommitsTo(group, broker);
};

const sendCommitsTo = ({ offsetManager }: ConsumerGroup, coordinator: object): void => {
  if (offsetManager !== null) offsetManager.coordinator = coordinator;
};

/** https://kafka.apache.org/protocol#The_Messages_FindCoordinator */
const GROUP_COORDINATOR = 0;
