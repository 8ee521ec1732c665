import { type Outgoing, PublishFailed, type PublishReason } from '@vault-engine/bus';
import { describe, expect, it, test, vi } from 'vitest';
import { openDelivery, sendOnce } from './deliver-reply.ts';
import { inProgress, NOW, REPLY_TOPIC, sampleEngine, statusRecord, TIMEOUT_MS } from './testing/command-samples.ts';

const sync = sampleEngine('sync');
const from = inProgress(sync, statusRecord(sync.keys.kafka));
const message: Outgoing = { topic: REPLY_TOPIC, partition: 0, key: null, value: Buffer.from('a reply') };
const failing = (reason: PublishReason) => ({ send: () => Promise.reject(new PublishFailed(reason, REPLY_TOPIC)) });

describe('one attempt', () => {
  it('is sent when the brokers acknowledge', async () => {
    expect(await sendOnce({ send: async () => ({ partition: 2, offset: 1n }) }, message)).toBe('sent');
  });

  it.each<PublishReason>(['no_such_partition', 'unknown_topic', 'too_large', 'refused'])(
    'is undeliverable when the publisher reports %s',
    async (reason) => {
      expect(await sendOnce(failing(reason), message)).toBe('undeliverable');
    },
  );

  it.each<PublishReason>(['timeout', 'queue_full', 'closed'])(
    'has failed when the publisher reports %s',
    async (reason) => {
      expect(await sendOnce(failing(reason), message)).toBe('failed');
    },
  );

  it("rejects on an error that is not the publisher's", async () => {
    await expect(sendOnce({ send: () => Promise.reject(new TypeError('a bug')) }, message)).rejects.toThrow('a bug');
  });
});

test('a delivery expires at the deadline although an attempt is still running', async () => {
  const soon = NOW + TIMEOUT_MS - 50;
  const begun = performance.now();
  const hanging = { send: () => new Promise<never>(() => undefined) };
  const near = { ...from, headers: { ...from.headers, timeoutMs: 1_100 } };
  let reads = 0;
  const now = () => {
    reads += 1;
    return reads === 1 ? NOW : soon;
  };
  expect(await openDelivery(hanging, now)(near, message)).toBe('expired');
  expect(performance.now() - begun).toBeLessThan(3_000);
});

test('a reply gets one attempt also after the deadline', async () => {
  const late = () => NOW + TIMEOUT_MS + 1;
  expect(await openDelivery({ send: async () => ({ partition: 0, offset: 0n }) }, late)(from, message)).toBe('sent');
  expect(await openDelivery(failing('timeout'), late)(from, message)).toBe('expired');
});

describe('the next command of the user', () => {
  const open = () => {
    const pending: (() => void)[] = [];
    const replies = {
      send: () =>
        new Promise<{ partition: number; offset: bigint }>((resolve) => {
          pending.push(() => resolve({ partition: 0, offset: 0n }));
        }),
    };
    const deliver = openDelivery(replies, () => NOW);
    const released: string[] = [];
    const start = (name: string, partition = 0) =>
      deliver({ ...from, releaseKeyOrder: () => void released.push(name) }, { ...message, partition });
    return { pending, released, start };
  };

  it('waits for a prompt acknowledgement', async () => {
    const { pending, released, start } = open();
    const delivered = start('first');
    pending[0]?.();
    expect(await delivered).toBe('sent');
    expect(released).toEqual([]);
  });

  it('does not wait for a slow one, nor for any later reply to the same partition until that is acknowledged', async () => {
    const { pending, released, start } = open();
    const slow = start('slow');
    await vi.waitFor(() => expect(released).toEqual(['slow']));
    const next = start('next');
    const elsewhere = start('elsewhere', 1);
    expect(released).toEqual(['slow', 'next']);
    for (const acknowledge of pending) acknowledge();
    expect(await Promise.all([slow, next, elsewhere])).toEqual(['sent', 'sent', 'sent']);
    const healthy = start('healthy');
    pending.at(-1)?.();
    await healthy;
    expect(released).not.toContain('healthy');
  });
});
