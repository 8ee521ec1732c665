import Cluster from 'kafkajs/src/cluster/index.js';
import ConsumerGroup from 'kafkajs/src/consumer/consumerGroup.js';
import RequestQueue from 'kafkajs/src/network/requestQueue/index.js';
import Decoder from 'kafkajs/src/protocol/decoder.js';
import { afterEach, describe, expect, it, vi } from 'vitest';
import { toRecord } from './record.ts';
import { MAX_HEADERS, repairHeaderFlood } from './repair-header-flood.ts';
import { repairIdleSpin } from './repair-idle-spin.ts';
import { repairLastingRequests } from './repair-lasting-requests.ts';
import { repairLostCoordinator } from './repair-lost-coordinator.ts';
import { repairMovedCoordinator } from './repair-moved-coordinator.ts';
import { ShortLivedMap } from './short-lived-map.ts';

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

  it('arms no timer while nothing waits', () => {
    vi.useFakeTimers();
    repairIdleSpin();
    queueWith([], -1).scheduleCheckPendingRequests();
    expect(vi.getTimerCount()).toBe(0);
  });

  it('looks again at what waits: soon, or when the broker’s throttling ends', () => {
    vi.useFakeTimers();
    repairIdleSpin();
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

describe('the requests of a connection', () => {
  const queueOf = (inflight: ReadonlyMap<number, object>): RequestQueue =>
    Object.assign(Object.create(RequestQueue.prototype) as RequestQueue, { inflight, enforceRequestTimeout: false });

  it('are kept in a transient map once it is made', () => {
    repairLastingRequests();
    const queue = queueOf(new Map());
    queue.scheduleRequestTimeoutCheck();
    expect(queue.inflight).toBeInstanceOf(ShortLivedMap);
  });

  it('stay where they are while some are in flight', () => {
    repairLastingRequests();
    const inflight = new Map([[1, {}]]);
    const queue = queueOf(inflight);
    queue.scheduleRequestTimeoutCheck();
    expect(queue.inflight).toBe(inflight);
  });
});

describe('headers', () => {
  /** A decoder that gives the count and then counts what is read. */
  const decoderOf = (length: number): Decoder =>
    Object.assign(Object.create(Decoder.prototype) as Decoder, { readVarInt: () => length });

  it('are read up to the limit, and not at all beyond it', () => {
    repairHeaderFlood();
    const read = vi.fn(() => 'header');
    expect(decoderOf(MAX_HEADERS).readVarIntArray(read)).toHaveLength(MAX_HEADERS);
    expect(decoderOf(-1).readVarIntArray(read)).toEqual([]);
    read.mockClear();
    expect(decoderOf(MAX_HEADERS + 1).readVarIntArray(read)).toEqual([]);
    expect(read).not.toHaveBeenCalled();
  });

  it('are taken with their last value, whatever their name', () => {
    const message = { key: null, value: null, timestamp: '5', attributes: 0, offset: '7', size: 0 };
    const kafkajsHeaders = JSON.parse('{"__proto__": 1}') as Record<string, never>;
    const headers = Object.assign(kafkajsHeaders, {
      once: Buffer.from('1'),
      twice: [Buffer.from('1'), Buffer.from('2')],
      // As kafkajs decodes a name that every object has.
      toString: [Object.prototype.toString, Buffer.from('3')],
      empty: null,
    });
    const record = toRecord('t', 0, { ...message, headers: headers as never });
    expect({ ...record.headers }).toEqual({
      once: Buffer.from('1'),
      twice: Buffer.from('2'),
      toString: Buffer.from('3'),
    });
    expect(record).toMatchObject({ offset: 7n, timestamp: 5 });
  });
});

describe('a group whose coordinator no broker names', () => {
  /** A cluster whose brokers answer so, one after another: null where none of them does. */
  const clusterWhere = (withBroker: () => Promise<unknown>): Cluster =>
    Object.assign(Object.create(Cluster.prototype) as Cluster, { brokerPool: { withBroker } });

  it('is asked for again, because brokers come back', async () => {
    repairLostCoordinator();
    const asked = clusterWhere(async () => null).findGroupCoordinatorMetadata({ groupId: 'g' });
    await expect(asked).rejects.toMatchObject({ name: 'KafkaJSGroupCoordinatorNotFound', retriable: true });
  });

  it('is known as soon as one does, and other errors stay as they are', async () => {
    repairLostCoordinator();
    const coordinator = { coordinator: { nodeId: 1 } };
    const answered = clusterWhere(async () => coordinator).findGroupCoordinatorMetadata({ groupId: 'g' });
    await expect(answered).resolves.toBe(coordinator);
    const failing = clusterWhere(() => Promise.reject(new Error('refused')));
    await expect(failing.findGroupCoordinatorMetadata({ groupId: 'g' })).rejects.not.toHaveProperty('retriable');
  });
});

describe('a member of a group whose coordinator', () => {
  const next = { name: 'next' };

  /** A member whose heartbeats end so, in a cluster that names another coordinator. */
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

  it('is lost goes on with the one that the brokers name, for heartbeats and commits', async () => {
    repairMovedCoordinator();
    repairMovedCoordinator();
    const member = memberWhere(refused);
    await expect(member.heartbeat({ interval: 0 })).rejects.toThrow('ECONNREFUSED');
    expect(member.cluster.findBroker).toHaveBeenCalledExactlyOnceWith({ nodeId: 3 });
    expect(member).toMatchObject({ coordinator: next, offsetManager: { coordinator: next } });
  });

  it('is lost keeps to it until there is another one', async () => {
    repairMovedCoordinator();
    const member = memberWhere(refused);
    const { coordinator } = member;
    vi.mocked(member.cluster.findGroupCoordinatorMetadata).mockRejectedValueOnce(new Error('not yet'));
    await expect(member.heartbeat({ interval: 0 })).rejects.toThrow('ECONNREFUSED');
    expect(member.coordinator).toBe(coordinator);
    await expect(member.heartbeat({ interval: 0 })).rejects.toThrow('ECONNREFUSED');
    expect(member.coordinator).toBe(next);
  });

  it('answers, whatever it answers, asks for no other', async () => {
    repairMovedCoordinator();
    const rebalancing = Object.assign(new Error('rebalancing'), { type: 'REBALANCE_IN_PROGRESS' });
    const [well, told] = [memberWhere(async () => undefined), memberWhere(() => Promise.reject(rebalancing))];
    await well.heartbeat({ interval: 0 });
    await expect(told.heartbeat({ interval: 0 })).rejects.toBe(rebalancing);
    for (const { cluster } of [well, told]) expect(cluster.refreshMetadata).not.toHaveBeenCalled();
  });
});
