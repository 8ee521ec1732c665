import type { Publisher } from '@vault-engine/bus';
import type { Codec } from '@vault-engine/contracts';
import { encodeReplyHeaders } from '@vault-engine/protocol';
import type { Received } from './receive.ts';
import { deliver, failureRecord } from './reply.ts';
import type { PartitionCount, ReplyTopics } from './reply-address.ts';

/** What hints are sent with. */
export interface NoticeParts {
  readonly codec: Codec;
  readonly replies: Publisher;
  readonly topics: ReplyTopics;
  readonly partitionCount: PartitionCount;
  readonly now: () => number;
}

const NOTICE_EVERY_MS = 1_000;

/**
 * Lets an engine know that a command in its name proved nothing, without a signature and at most once a second: a client
 * names it in its timeout and never acts on it.
 */
export const notifyUnauthenticated = (parts: NoticeParts): ((received: Received) => void) => {
  const notified = new Map<string, number>();
  return (received) => {
    const { engine } = received.headers;
    const at = parts.now();
    if (at - (notified.get(engine) ?? 0) < NOTICE_EVERY_MS) return;
    notified.set(engine, at);
    // Nobody waits for a hint: one that fails is not repeated.
    notify(parts, received).catch(() => undefined);
  };
};

/** Goes to the claimed engine's own topics only, so that nobody can have it sent elsewhere. */
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
  await deliver(replies, {
    topic,
    partition: headers.replyPartition,
    key,
    value,
    headers: encodeReplyHeaders(headers.correlation, record.type, null),
  });
};
