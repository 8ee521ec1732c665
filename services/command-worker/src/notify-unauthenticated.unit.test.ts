import type { Outgoing } from '@vault-engine/bus';
import { parseReplyHeaders } from '@vault-engine/protocol';
import { expect, test } from 'vitest';
import { notifyUnauthenticated } from './notify-unauthenticated.ts';
import { receive } from './receive.ts';
import {
  type CommandSample,
  NOW,
  plainCodec,
  proven,
  REPLY_TOPIC,
  sampleEngine,
  statusRecord,
} from './testing/command-samples.ts';
import { REPLY_TOPICS, replyIn } from './testing/open-pipeline.ts';

const { keys } = sampleEngine('sync');
const received = (head: CommandSample['head'] = {}) => proven(receive(statusRecord(keys.kafka, { head })));

const openNotices = (count: number | null = 4) => {
  const sent: Outgoing[] = [];
  let now = NOW;
  const notify = notifyUnauthenticated({
    codec: plainCodec,
    replies: {
      send: async (message) => {
        sent.push(message);
        return { partition: 0, offset: 0n };
      },
    },
    topics: REPLY_TOPICS,
    partitionCount: Object.assign(async () => count, { forget: () => undefined }),
    now: () => now,
  });
  const settled = () => new Promise((resolve) => setImmediate(resolve));
  const pass = (ms: number): void => {
    now += ms;
  };
  return { sent, notify, settled, pass };
};

test('a notice is an unsigned error on the reply topic of the claimed engine', async () => {
  const { sent, notify, settled } = openNotices();
  notify(received());
  await settled();
  expect(sent).toMatchObject([{ topic: REPLY_TOPIC, partition: 0 }]);
  expect(replyIn(sent[0])).toMatchObject({ name: 'CommandFailed', value: { error_code: 'unauthorized_engine' } });
  expect(parseReplyHeaders(sent[0]?.headers ?? {})).toMatchObject({ ok: true, value: { signature: null } });
});

test('an engine gets one notice a second', async () => {
  const { sent, notify, settled, pass } = openNotices();
  for (let command = 0; command < 3; command += 1) notify(received());
  pass(999);
  notify(received());
  await settled();
  expect(sent).toHaveLength(1);
  pass(1);
  notify(received());
  await settled();
  expect(sent).toHaveLength(2);
});

test.each<[string, CommandSample['head'], number | null]>([
  ["another engine's topic", { replyTopic: 'vault.replies.action' }, 4],
  ['a partition that does not exist', { replyPartition: 4 }, 4],
  ['a topic that does not exist', {}, null],
])('no notice goes to %s', async (_, head, count) => {
  const { sent, notify, settled } = openNotices(count);
  notify(received(head));
  await settled();
  expect(sent).toEqual([]);
});

test("the gateway's topic is allowed for every engine", async () => {
  const { sent, notify, settled } = openNotices();
  notify(received({ replyTopic: REPLY_TOPICS.gateway }));
  await settled();
  expect(sent).toMatchObject([{ topic: REPLY_TOPICS.gateway }]);
});
