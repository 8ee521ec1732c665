import { beforeAll, describe, expect, it, vi } from 'vitest';
import { observeConsumer } from './consumer-observer.ts';
import { AssignerProtocol, Batch, ConsumerGroup, PartitionAssigners } from './kafkajs.ts';
import { patchBatch, setFetchedEnd } from './patch-batch.ts';
import { isStaleBatch, patchConsumerGroup } from './patch-consumer-group.ts';

// Twice, because the second call must change nothing.
beforeAll(() => {
  patchConsumerGroup();
  patchConsumerGroup();
  patchBatch();
});

const refusal = (type: string) => Object.assign(new Error(type), { type });
const assignment = AssignerProtocol.MemberAssignment.encode({
  version: 0,
  assignment: { t: [0] },
  userData: Buffer.alloc(0),
});

/** A broker that coordinates the group and leads the only partition of its topic. */
const broker = (nodeId: number) => {
  const state = { generation: 0 };
  return {
    nodeId,
    isConnected: () => true,
    joinGroup: vi.fn(async () => {
      state.generation += 1;
      return { generationId: state.generation, leaderId: 'other', memberId: 'm', members: [], groupProtocol: 'any' };
    }),
    syncGroup: vi.fn(async () => ({ memberAssignment: assignment })),
    heartbeat: vi.fn(async () => undefined),
    offsetCommit: vi.fn(async () => undefined),
    offsetFetch: vi.fn(async () => ({ responses: [{ topic: 't', partitions: [{ partition: 0, offset: '5' }] }] })),
    fetch: vi.fn(async () => {
      const messages = [{ offset: '5' }];
      return { responses: [{ topicName: 't', partitions: [{ partition: 0, highWatermark: '6', messages }] }] };
    }),
  };
};

/** A member that has joined its group at the first of two brokers. */
const join = async () => {
  const brokers = { first: broker(1), second: broker(2) };
  const coordinated = { by: brokers.first };
  const committed = {};
  const cluster = {
    findGroupCoordinator: async () => coordinated.by,
    findGroupCoordinatorMetadata: async () => ({ coordinator: coordinated.by }),
    findBroker: async () => coordinated.by,
    findTopicPartitionMetadata: () => [{ partitionId: 0, leader: 1 }],
    committedOffsets: () => committed,
    refreshMetadata: async () => undefined,
    refreshMetadataIfNecessary: async () => undefined,
  };
  const log = () => undefined;
  const member = new ConsumerGroup({
    groupId: 'g',
    cluster,
    topics: ['t'],
    topicConfigurations: { t: { fromBeginning: true } },
    assigners: [],
    retry: { retries: 0 },
    logger: { namespace: () => ({ debug: log, info: log, warn: log, error: log }) },
    instrumentationEmitter: { emit: log },
  });
  await member.joinAndSync();
  const moveToSecond = () => {
    coordinated.by = brokers.second;
  };
  return { member, cluster, ...brokers, moveToSecond };
};

const beat = { interval: -1 };
const upTo7 = { topics: [{ topic: 't', partitions: [{ partition: 0, offset: '7' }] }] };

describe('a member whose group has moved to another coordinator', () => {
  it('commits to the new coordinator once it confirms the member, even if it refused the join', async () => {
    const { member, first, second, moveToSecond } = await join();
    moveToSecond();
    second.joinGroup.mockRejectedValueOnce(refusal('GROUP_LOAD_IN_PROGRESS'));
    await expect(member.joinAndSync()).rejects.toMatchObject({ type: 'GROUP_LOAD_IN_PROGRESS' });
    await member.heartbeat(beat);
    await member.commitOffsets(upTo7);
    expect(second.heartbeat).toHaveBeenCalledOnce();
    expect(second.offsetCommit).toHaveBeenCalledExactlyOnceWith(expect.objectContaining({ groupGenerationId: 1 }));
    expect(first.offsetCommit).not.toHaveBeenCalled();
  });
});

describe('a member whose join is interrupted', () => {
  const rejoin = { type: 'REBALANCE_IN_PROGRESS' };

  it('after its generation, before its assignment, has to rejoin and sends no heartbeats until it has', async () => {
    const { member, first } = await join();
    first.syncGroup.mockRejectedValueOnce(new Error('read ECONNRESET'));
    await expect(member.joinAndSync()).rejects.toThrow('ECONNRESET');
    await expect(member.heartbeat(beat)).rejects.toMatchObject(rejoin);
    await expect(member.heartbeat(beat)).rejects.toMatchObject(rejoin);
    expect(first.heartbeat).not.toHaveBeenCalled();
    await member.joinAndSync();
    await member.heartbeat(beat);
    await member.commitOffsets(upTo7);
    const ofThird = expect.objectContaining({ groupGenerationId: 3 });
    expect(first.heartbeat).toHaveBeenCalledExactlyOnceWith(ofThird);
    expect(first.offsetCommit).toHaveBeenCalledExactlyOnceWith(ofThird);
  });

  it('has to rejoin when the group has forgotten it', async () => {
    const { member, first } = await join();
    first.joinGroup.mockRejectedValueOnce(refusal('UNKNOWN_MEMBER_ID'));
    await expect(member.joinAndSync()).rejects.toThrow();
    expect(member.memberId).toBeNull();
    await expect(member.heartbeat(beat)).rejects.toMatchObject(rejoin);
  });

  it('keeps sending heartbeats when the join got no response at all', async () => {
    const { member, first } = await join();
    first.joinGroup.mockRejectedValueOnce(new Error('read ECONNRESET'));
    await expect(member.joinAndSync()).rejects.toThrow('ECONNRESET');
    await member.heartbeat(beat);
    expect(first.heartbeat).toHaveBeenCalledOnce();
  });
});

describe('a fetched batch', () => {
  it('is stale when its member has rejoined since it was requested, and only then', async () => {
    const { member, first } = await join();
    const [onTime] = await member.fetch('1');
    expect(isStaleBatch(onTime ?? {})).toBe(false);
    const answer = await first.fetch();
    const answered = Promise.withResolvers<typeof answer>();
    first.fetch.mockReturnValueOnce(answered.promise);
    const fetching = member.fetch('1');
    await vi.waitFor(() => expect(first.fetch).toHaveBeenCalledTimes(3));
    await member.joinAndSync();
    answered.resolve(answer);
    const [stale] = await fetching;
    expect(isStaleBatch(stale ?? {})).toBe(true);
    expect(isStaleBatch(onTime ?? {})).toBe(true);
  });

  it('has the last offset of its header, also where compaction removed the last records', () => {
    const messages = [{ offset: '5' }] as unknown as ConstructorParameters<typeof Batch>[2]['messages']; // as far as it is read
    const batch = new Batch('t', '5', { partition: 0, highWatermark: '9', abortedTransactions: [], messages });
    expect(batch.lastOffset()).toBe('5');
    setFetchedEnd(messages, 9);
    expect(batch.lastOffset()).toBe('8');
  });

  it('without records advances the position, and is reported with a way to commit', async () => {
    const { member, cluster, first } = await join();
    const onEmptyFetch = vi.fn();
    const observed = observeConsumer(PartitionAssigners.roundRobin, { onReset: () => undefined, onEmptyFetch });
    observed({ cluster } as unknown as Parameters<typeof observed>[0]); // the assigner keeps it and does nothing else
    const answer = await first.fetch();
    const empty: (typeof answer.responses)[0]['partitions'][0]['messages'] = [];
    setFetchedEnd(empty as never, 8);
    first.fetch.mockResolvedValueOnce({
      responses: [{ topicName: 't', partitions: [{ partition: 0, highWatermark: '8', messages: empty }] }],
    });
    await member.fetch('1');
    expect(onEmptyFetch).toHaveBeenCalledExactlyOnceWith({
      topic: 't',
      partition: 0,
      position: '8',
      highWatermark: '8',
      commit: expect.any(Function),
    });
    await member.fetch('1');
    const [, , request] = first.fetch.mock.calls as unknown as [unknown, unknown, [{ topics: unknown }]]; // kafkajs's arguments
    expect(request?.[0].topics).toMatchObject([{ topic: 't', partitions: [{ partition: 0, fetchOffset: '8' }] }]);
    await onEmptyFetch.mock.lastCall?.[0].commit(upTo7);
    expect(first.offsetCommit).toHaveBeenCalledOnce();
  });
});
