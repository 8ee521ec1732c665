import { afterEach, describe, expect, it, vi } from 'vitest';
import { fromMessage } from '../record.ts';
import { ShortLivedMap } from '../short-lived-map.ts';
import { Cluster, ConsumerGroup, Decoder, RequestQueue } from './kafkajs.ts';
import { patchCluster } from './patch-cluster.ts';
import { patchConsumerGroup } from './patch-consumer-group.ts';
import { MAX_HEADERS, patchDecoder } from './patch-decoder.ts';
import { patchRequestQueue } from './patch-request-queue.ts';

afterEach(() => {
  vi.useRealTimers();
});

describe('an idle connection', () => {
  const queueWith = (pending: readonly unknown[], throttledUntil: number): RequestQueue =>
    Object.assign(Object.create(RequestQueue.prototype) as RequestQueue, {
      pending,
      throttledUntil,
      throttleCheckTimeoutId: null,
      checkPendingRequests: vi.fn(),
    });

  it('sets no timer while no request waits', () => {
    vi.useFakeTimers();
    patchRequestQueue();
    queueWith([], -1).scheduleCheckPendingRequests();
    expect(vi.getTimerCount()).toBe(0);
  });

  it('checks waiting requests soon, or when the broker’s throttling ends', () => {
    vi.useFakeTimers();
    patchRequestQueue();
    const [soon, throttled] = [queueWith(['request'], -1), queueWith(['request'], Date.now() + 500)];
    soon.scheduleCheckPendingRequests();
    throttled.scheduleCheckPendingRequests();
    vi.advanceTimersByTime(10);
    expect(soon.checkPendingRequests).toHaveBeenCalledOnce();
    expect(throttled.checkPendingRequests).not.toHaveBeenCalled();
    vi.advanceTimersByTime(490);
    expect(throttled.checkPendingRequests).toHaveBeenCalledOnce();
  });
});

describe('the requests in flight of a connection', () => {
  const queueOf = (inflight: ReadonlyMap<number, object>): RequestQueue =>
    Object.assign(Object.create(RequestQueue.prototype) as RequestQueue, { inflight, enforceRequestTimeout: false });

  it('are kept in a short-lived map from the start', () => {
    patchRequestQueue();
    const queue = queueOf(new Map());
    queue.scheduleRequestTimeoutCheck();
    expect(queue.inflight).toBeInstanceOf(ShortLivedMap);
  });

  it('stay in their map until it is empty', () => {
    patchRequestQueue();
    const inflight = new Map([[1, {}]]);
    const queue = queueOf(inflight);
    queue.scheduleRequestTimeoutCheck();
    expect(queue.inflight).toBe(inflight);
  });
});

describe('headers', () => {
  /** A decoder of a header count. */
  const decoderOf = (length: number): Decoder =>
    Object.assign(Object.create(Decoder.prototype) as Decoder, { readVarInt: () => length });

  it('are decoded up to the limit, and not at all beyond it', () => {
    patchDecoder();
    const read = vi.fn(() => 'header');
    expect(decoderOf(MAX_HEADERS).readVarIntArray(read)).toHaveLength(MAX_HEADERS);
    expect(decoderOf(-1).readVarIntArray(read)).toEqual([]);
    read.mockClear();
    expect(decoderOf(MAX_HEADERS + 1).readVarIntArray(read)).toEqual([]);
    expect(read).not.toHaveBeenCalled();
  });

  it('have their last value, whatever their name', () => {
    const message = { key: null, value: null, timestamp: '5', attributes: 0, offset: '7', size: 0 };
    const kafkajsHeaders = JSON.parse('{"__proto__": 1}') as Record<string, never>;
    const headers = Object.assign(kafkajsHeaders, {
      once: Buffer.from('1'),
      twice: [Buffer.from('1'), Buffer.from('2')],
      // kafkajs decodes a name that every object has to such an array.
      toString: [Object.prototype.toString, Buffer.from('3')],
      empty: null,
    });
    const record = fromMessage('t', 0, { ...message, headers: headers as never });
    expect({ ...record.headers }).toEqual({
      once: Buffer.from('1'),
      twice: Buffer.from('2'),
      toString: Buffer.from('3'),
    });
    expect(record).toMatchObject({ offset: 7n, timestamp: 5 });
  });
});

describe('the lookup of a group coordinator', () => {
  /** A cluster whose brokers respond so; null: none responds. */
  const clusterWhere = (withBroker: Cluster['brokerPool']['withBroker']): Cluster =>
    Object.assign(Object.create(Cluster.prototype) as Cluster, { brokerPool: { withBroker } });

  it('may be retried when no broker responds', async () => {
    patchCluster();
    const asked = clusterWhere(async () => null).findGroupCoordinatorMetadata({ groupId: 'g' });
    await expect(asked).rejects.toMatchObject({ name: 'KafkaJSGroupCoordinatorNotFound', retriable: true });
  });

  it('fails with a broker’s refusal, which no retry heals', async () => {
    patchCluster();
    const refusal = Object.assign(new Error('refused'), { type: 'GROUP_AUTHORIZATION_FAILED', retriable: false });
    const cluster = clusterWhere(async (ask) =>
      ask({ broker: { findGroupCoordinator: () => Promise.reject(refusal) } }).catch(() => null),
    );
    const retrier = (attempt: (bail: (error: unknown) => void) => Promise<unknown>) =>
      new Promise((resolve, reject) => void attempt(reject).then(resolve));
    Object.assign(cluster, { retrier, logger: { debug: () => undefined } });
    await expect(cluster.findGroupCoordinatorMetadata({ groupId: 'g' })).rejects.toBe(refusal);
  });

  it('returns the coordinator, and leaves other errors unchanged', async () => {
    patchCluster();
    const coordinator = { coordinator: { nodeId: 1 } };
    const answered = clusterWhere(async () => coordinator).findGroupCoordinatorMetadata({ groupId: 'g' });
    await expect(answered).resolves.toBe(coordinator);
    const failing = clusterWhere(() => Promise.reject(new Error('refused')));
    await expect(failing.findGroupCoordinatorMetadata({ groupId: 'g' })).rejects.not.toHaveProperty('retriable');
  });
});

describe('a member of a group whose coordinator', () => {
  const next = { name: 'next' };

  /** A member with such heartbeats, in a cluster with another coordinator. */
  const memberWhere = (heartbeat: () => Promise<void>) => {
    const cluster = {
      refreshMetadata: vi.fn(async () => undefined),
      findGroupCoordinatorMetadata: vi.fn(async () => ({ coordinator: { nodeId: 3 } })),
      findBroker: vi.fn(async () => next),
    };
    const logger = { namespace: () => ({}) };
    const instrumentationEmitter = { emit: () => undefined };
    const member = new ConsumerGroup({ groupId: 'g', cluster, topics: [], logger, instrumentationEmitter });
    const coordinator = { heartbeat };
    return Object.assign(member, { memberId: 'm', lastRequest: 0, coordinator, offsetManager: { coordinator } });
  };
  const refused = () => Promise.reject(new Error('connect ECONNREFUSED'));

  it('is lost uses the new coordinator for heartbeats and commits', async () => {
    patchConsumerGroup();
    patchConsumerGroup();
    const member = memberWhere(refused);
    await expect(member.heartbeat({ interval: 0 })).rejects.toThrow('ECONNREFUSED');
    expect(member.cluster.findBroker).toHaveBeenCalledExactlyOnceWith({ nodeId: 3 });
    expect(member).toMatchObject({ coordinator: next, offsetManager: { coordinator: next } });
  });

  it('is lost keeps it until another one is found', async () => {
    patchConsumerGroup();
    const member = memberWhere(refused);
    const { coordinator } = member;
    vi.mocked(member.cluster.findGroupCoordinatorMetadata).mockRejectedValueOnce(new Error('not yet'));
    await expect(member.heartbeat({ interval: 0 })).rejects.toThrow('ECONNREFUSED');
    expect(member.coordinator).toBe(coordinator);
    await expect(member.heartbeat({ interval: 0 })).rejects.toThrow('ECONNREFUSED');
    expect(member.coordinator).toBe(next);
  });

  it('responds, also with an error, looks up no other', async () => {
    patchConsumerGroup();
    const rebalancing = Object.assign(new Error('rebalancing'), { type: 'REBALANCE_IN_PROGRESS' });
    const [confirmed, refusing] = [memberWhere(async () => undefined), memberWhere(() => Promise.reject(rebalancing))];
    await confirmed.heartbeat({ interval: 0 });
    await expect(refusing.heartbeat({ interval: 0 })).rejects.toBe(rebalancing);
    for (const { cluster } of [confirmed, refusing]) expect(cluster.refreshMetadata).not.toHaveBeenCalled();
  });
});
