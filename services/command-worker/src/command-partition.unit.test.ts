import { type BusRecord, partitionOf } from '@vault-engine/bus';
import { describe, expect, it } from 'vitest';
import { expectedPartition } from './command-partition.ts';

const RETENTION_MS = 3_600_000;
const KEY = Buffer.from('user-42');

/** A topic that can grow, and the workers that check commands on it. */
const openTopic = (partitions: number) => {
  const noted = new Map<number, number>();
  const topic = { partitions, now: 1_000_000, counted: 0, slept: 0 };
  const worker = () =>
    expectedPartition({
      count: async () => {
        topic.counted += 1;
        return topic.partitions;
      },
      note: async (count, now) => {
        if (!noted.has(count)) noted.set(count, now);
        return new Map(noted);
      },
      now: () => topic.now,
      retentionMs: RETENTION_MS,
      sleep: async (ms) => {
        topic.slept += ms;
        topic.now += ms;
      },
    });
  return Object.assign(topic, { worker });
};

const on = (partition: number, timestamp: number, key: Buffer | null = KEY): BusRecord => ({
  topic: 'vault.commands',
  partition,
  offset: 0n,
  timestamp,
  key,
  value: Buffer.alloc(1),
  headers: {},
});

describe('the partition of a command', () => {
  it('is right where Java gives it, decided without a request once the partitions are counted', async () => {
    const topic = openTopic(8);
    const check = topic.worker();
    expect(await check(on(4, topic.now))).toBeNull();
    for (let offset = 0; offset < 1_000; offset += 1) expect(check(on(4, topic.now))).toBeNull();
    expect(topic.counted).toBe(1);
  });

  it('is wrong anywhere else, and the expected one is named', async () => {
    const topic = openTopic(8);
    const check = topic.worker();
    for (const partition of [0, 1, 2, 3, 5, 6, 7]) expect(await check(on(partition, topic.now))).toBe(4);
  });

  it('is counted again at most every 250 ms, however many commands are wrong', async () => {
    const topic = openTopic(8);
    const check = topic.worker();
    const began = topic.now;
    for (let index = 0; index < 20; index += 1) expect(await check(on(3, topic.now))).toBe(4);
    expect(topic.counted - 1).toBeLessThanOrEqual((topic.now - began) / 250);
    const together = topic.counted;
    await Promise.all(Array.from({ length: 500 }, () => check(on(3, topic.now))));
    expect(topic.counted).toBe(together + 1);
  });

  it('waits for a count that begins after the command arrived', async () => {
    const topic = openTopic(8);
    const check = topic.worker();
    await check(on(4, topic.now));
    const first = check(on(7, topic.now));
    topic.partitions = 48;
    const right = partitionOf(KEY, 48);
    expect([await first, await check(on(right, topic.now))]).toEqual([right, null]);
  });
});

describe('a topic that grows', () => {
  const [before, after] = [partitionOf(KEY, 8), partitionOf(KEY, 48)];

  it('takes commands on the new partition at once, in a worker that has not seen the growth', async () => {
    const topic = openTopic(8);
    const check = topic.worker();
    expect(await check(on(before, topic.now))).toBeNull();
    topic.partitions = 48;
    topic.now += 1;
    expect(await check(on(after, topic.now))).toBeNull();
  });

  it('takes commands on the former partition for its retention, in a worker that starts later too', async () => {
    const topic = openTopic(8);
    const first = topic.worker();
    await first(on(before, topic.now));
    topic.partitions = 48;
    topic.now += 1;
    await first(on(after, topic.now));
    const grownAt = topic.now;
    for (const check of [first, topic.worker()]) {
      expect(await check(on(before, grownAt - 1))).toBeNull();
      expect(await check(on(before, grownAt + RETENTION_MS))).toBeNull();
    }
    topic.now = grownAt + RETENTION_MS + 1;
    for (const check of [first, topic.worker()])
      expect(await check(on(before, grownAt + RETENTION_MS + 1))).toBe(after);
  });

  it('refuses a partition that neither count gives', async () => {
    const topic = openTopic(8);
    const check = topic.worker();
    await check(on(before, topic.now));
    topic.partitions = 48;
    topic.now += 1;
    const other = [...Array(48).keys()].find((each) => each !== before && each !== after) ?? expect.fail();
    expect(await check(on(other, topic.now))).toBe(after);
  });
});
