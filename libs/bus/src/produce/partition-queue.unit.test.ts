import { describe, expect, it, vi } from 'vitest';
import { PartitionQueue, type QueueOptions, type Waiting } from './partition-queue.ts';
import { PublishFailed } from './publish-failed.ts';
import { PartitionUnanswered, type Payload } from './topic-producer.ts';

function openQueue(options: Partial<QueueOptions>) {
  const queue = new PartitionQueue({
    topic: 't',
    partition: 3,
    maxBatchCount: 100,
    maxBatchBytes: 1_000_000,
    attemptMs: 1_000,
    write: async () => 0n,
    rebuild: async () => 'exists',
    refused: (error) => error,
    abandon: () => undefined,
    ...options,
  });
  const send = (name: string, deadline = Date.now() + 10_000) =>
    new Promise<string>((resolve) => {
      const message: Waiting = {
        topic: 't',
        wanted: undefined,
        key: null,
        value: Buffer.from(name),
        headers: {},
        deadline,
        settle: (result) => resolve(result instanceof PublishFailed ? result.reason : `offset ${result.offset}`),
      };
      queue.push(message);
    });
  return { queue, send };
}

const names = (payloads: readonly Payload[]): string => payloads.map(({ value }) => value?.toString()).join('');
const brokerError = (type: string): Error => Object.assign(new Error(type), { type });

describe('the queue of a partition', () => {
  it('writes all waiting messages in one batch and returns the offset of each', async () => {
    const { queue, send } = openQueue({ write: async () => 40n });
    const answers = [send('a'), send('b'), send('c')];
    void queue.flush();
    await expect(Promise.all(answers)).resolves.toEqual(['offset 40', 'offset 41', 'offset 42']);
  });

  it('has one write in flight, and gathers messages meanwhile', async () => {
    const written: string[] = [];
    const gates: (() => void)[] = [];
    const write = async (payloads: readonly Payload[]) => {
      written.push(names(payloads));
      await new Promise<void>((resolve) => gates.push(resolve));
      return 0n;
    };
    const { queue, send } = openQueue({ write });
    const first = send('a');
    void queue.flush();
    const others = [send('b'), send('c')];
    void queue.flush();
    await vi.waitFor(() => expect(gates).toHaveLength(1));
    expect(written).toEqual(['a']);
    gates[0]?.();
    await first;
    await vi.waitFor(() => expect(gates).toHaveLength(2));
    gates[1]?.();
    await Promise.all(others);
    expect(written).toEqual(['a', 'bc']);
  });

  it('limits a batch by count and by bytes', async () => {
    const written: string[] = [];
    const write = async (payloads: readonly Payload[]) => {
      written.push(names(payloads));
      return 0n;
    };
    const byCount = openQueue({ write, maxBatchCount: 2 });
    const counted = ['a', 'b', 'c'].map((name) => byCount.send(name));
    await byCount.queue.flush();
    await Promise.all(counted);
    const byBytes = openQueue({ write, maxBatchBytes: 1_100 });
    const weighed = ['d', 'e', 'f'].map((name) => byBytes.send(name));
    await byBytes.queue.flush();
    await Promise.all(weighed);
    expect(written).toEqual(['ab', 'c', 'de', 'f']);
  });

  it('retries a failed write before the next one, so that order holds', async () => {
    const written: string[] = [];
    let failures = 2;
    const write = async (payloads: readonly Payload[]) => {
      written.push(names(payloads));
      if (failures-- > 0) throw brokerError('NOT_LEADER_FOR_PARTITION');
      return 0n;
    };
    const { queue, send } = openQueue({ write, maxBatchCount: 1 });
    const answers = [send('a'), send('b')];
    void queue.flush();
    await Promise.all(answers);
    expect(written).toEqual(['a', 'a', 'a', 'b']);
  });

  it('halves a batch that is too large for the topic, down to the single message that is too large', async () => {
    const written: string[] = [];
    const write = async (payloads: readonly Payload[]) => {
      if (payloads.length > 1 || names(payloads) === 'X') throw brokerError('MESSAGE_TOO_LARGE');
      written.push(names(payloads));
      return 0n;
    };
    const { queue, send } = openQueue({ write });
    const answers = ['a', 'b', 'X', 'd'].map((name) => send(name));
    void queue.flush();
    await expect(Promise.all(answers)).resolves.toEqual(['offset 0', 'offset 0', 'too_large', 'offset 0']);
    expect(written).toEqual(['a', 'b', 'd']);
  });

  it.each(['unknown_topic', 'no_such_partition'] as const)('fails with %s', async (found) => {
    const write = () => Promise.reject(new PartitionUnanswered());
    const { queue, send } = openQueue({ write, rebuild: async () => found });
    const answer = send('a');
    void queue.flush();
    await expect(answer).resolves.toBe(found);
  });

  it('replaces the producer when the topic was created again, and continues', async () => {
    const rebuild = vi.fn(async () => 'exists' as const);
    const write = vi
      .fn<QueueOptions['write']>()
      .mockRejectedValueOnce(brokerError('UNKNOWN_TOPIC_OR_PARTITION'))
      .mockResolvedValue(7n);
    const { queue, send } = openQueue({ write, rebuild });
    const answer = send('a');
    void queue.flush();
    await expect(answer).resolves.toBe('offset 7');
    expect(rebuild).toHaveBeenCalledOnce();
  });

  it('finds the broker’s error code in the chain of causes', async () => {
    const wrapped = new Error('retries exceeded', { cause: brokerError('TOPIC_AUTHORIZATION_FAILED') });
    const { queue, send } = openQueue({ write: () => Promise.reject(wrapped) });
    const answer = send('a');
    void queue.flush();
    await expect(answer).resolves.toBe('refused');
  });

  it('stops retrying when the message has expired', async () => {
    const write = vi.fn(() => Promise.reject(new Error('down')));
    const { queue, send } = openQueue({ write });
    const answer = send('a', Date.now() + 60);
    await queue.flush();
    await expect(answer).resolves.toBe('timeout');
    expect(write.mock.calls.length).toBeLessThan(4);
  });

  it('gives up a write that does not end, together with its producer', async () => {
    const abandon = vi.fn();
    const write = vi
      .fn<QueueOptions['write']>()
      .mockReturnValueOnce(new Promise(() => undefined))
      .mockResolvedValue(1n);
    const { queue, send } = openQueue({ write, abandon, attemptMs: 20 });
    const answer = send('a');
    void queue.flush();
    await expect(answer).resolves.toBe('offset 1');
    expect(abandon).toHaveBeenCalledOnce();
  });
});
