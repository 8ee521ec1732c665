import groupMessagesPerPartition from 'kafkajs/src/producer/groupMessagesPerPartition.js';
import { expect, it, vi } from 'vitest';
import { ofOnePartition } from './topic-producer.ts';

it('lets kafkajs group the messages of one partition without copying them one by one', () => {
  const payloads = Array.from({ length: 512 }, (_, n) => ({ key: null, value: Buffer.from(`m${n}`), headers: {} }));
  const partitioner = vi.fn(() => 3);
  const messages = ofOnePartition(3, payloads);
  const groups = groupMessagesPerPartition({ topic: 't', partitionMetadata: [{}], messages, partitioner });
  expect(Object.keys(groups)).toEqual(['3']);
  expect([...(groups[3] ?? [])]).toEqual(payloads.map((payload) => ({ ...payload, partition: 3 })));
  expect(partitioner).not.toHaveBeenCalled();
});
