import { expect, test } from 'vitest';
import { replyAddress, replyTopicOf } from './reply-address.ts';
import { inProgress, REPLY_TOPIC, sampleEngine, statusRecord } from './testing/command-samples.ts';
import { REPLY_TOPICS } from './testing/open-pipeline.ts';

const sync = sampleEngine('sync');
const asking = (replyTopic: string, replyPartition: number) =>
  inProgress(sync, statusRecord(sync.keys.kafka, { head: { replyTopic, replyPartition } }));

test("replies go to the engine's own topic under a Kafka key, and to the gateway's under an HTTP key", () => {
  expect(replyTopicOf(REPLY_TOPICS, asking('anything', 0))).toBe(REPLY_TOPIC);
  const overHttp = inProgress(sync, statusRecord(sync.keys.http));
  expect(replyTopicOf(REPLY_TOPICS, overHttp)).toBe('vault.replies.gateway');
});

test('the caller chooses the partition', () => {
  const address = { topic: REPLY_TOPIC, partition: 3 };
  expect(replyAddress(REPLY_TOPIC, 4, asking(REPLY_TOPIC, 3))).toEqual({ address, refused: null });
});

test('a command that asks for a foreign topic is refused on its own', () => {
  expect(replyAddress(REPLY_TOPIC, 4, asking('vault.replies.action', 3))).toMatchObject({
    address: { topic: REPLY_TOPIC, partition: 3 },
    refused: { code: 'invalid_request', reason: 'foreign_reply_topic' },
  });
});

test.each([
  ['a partition that does not exist', 4],
  ['a topic that does not exist', null],
])('there is no address on %s', (_, count) => {
  expect(replyAddress(REPLY_TOPIC, count, asking(REPLY_TOPIC, 4))).toMatchObject({
    address: null,
    refused: { code: 'invalid_request', reason: 'no_reply_partition' },
  });
});
