import type { Publisher } from '@vault-engine/bus';
import type { Codec } from '@vault-engine/contracts';
import { encodeReplyHeaders } from '@vault-engine/protocol';
import { sendOnce } from './deliver-reply.ts';
import type { Received } from './receive.ts';
import { failureRecord } from './reply.ts';
import type { PartitionCount, ReplyTopics } from './reply-address.ts';

/** What notices are sent with. */
export interface NoticeParts {
  readonly codec: Pick<Codec, 'encode'>;
  readonly replies: Pick<Publisher, 'send'>;
  readonly topics: ReplyTopics;
  readonly partitionCount: PartitionCount;
  readonly now: () => number;
}

/** One notice per claimed engine in this time. */
const NOTICE_EVERY_MS = 1_000;

/**
 * Answers a command that claims a known engine and is not authenticated with an unsigned `unauthorized_engine`, at most
 * once a second per engine. A client shows the notice in its timeout error and never acts on it.
 */
export const notifyUnauthenticated = (parts: NoticeParts): ((received: Received) => void) => {
  const notified = new Map<string, number>();
  return (received) => {
    const { engine } = received.headers;
    const at = parts.now();
    if (at - (notified.get(engine) ?? 0) < NOTICE_EVERY_MS) return;
    notified.set(engine, at);
    // Nobody waits for a notice: one that fails is not repeated.
    notify(parts, received).catch(() => undefined);
  };
};

/** Sends to the claimed engine's own topics only: a forged command cannot direct the notice to another topic. */
const notify = async (
  { topics, partitionCount, codec, replies }: NoticeParts,
  { headers, key }: Received,
): Promise<void> => {
  const own = [topics.ofEngine(headers.engine), topics.gateway];
  const topic = own.find((name) => name === headers.replyTopic);
  if (topic === undefined || headers.replyPartition >= ((await partitionCount(topic)) ?? 0)) return;
  const record = failureRecord({
    code: 'unauthorized_engine',
    message: 'the engine id, the key or the signature is wrong',
  });
  const value = codec.encode(record.type, record.value);
  await sendOnce(replies, {
    topic,
    partition: headers.replyPartition,
    key,
    value,
    headers: encodeReplyHeaders(headers.correlation, record.type, null),
  });
};
