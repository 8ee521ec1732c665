import type { Publisher } from '@vault-engine/bus';
import type { Codec } from '@vault-engine/contracts';
import type { EngineTable } from '@vault-engine/engines';
import { encodeReplyHeaders } from '@vault-engine/protocol';
import type { Journal } from '@vault-engine/vault';
import type { Unauthenticated } from './authenticate.ts';
import type { Received } from './receive.ts';
import { deliver, failureRecord } from './reply.ts';
import type { PartitionCount, ReplyTopics } from './reply-address.ts';

/** What the account of strangers is kept with. */
export interface StrangerParts {
  readonly journal: Journal;
  readonly table: EngineTable;
  readonly codec: Codec;
  readonly replies: Publisher;
  readonly topics: ReplyTopics;
  readonly partitionCount: PartitionCount;
  readonly now: () => number;
  readonly uuid: () => string;
}

/** Commands that prove nothing: counted, and hinted at. */
export interface Strangers {
  /** Counts one, and lets the engine that it claims to be know at most once a second, without a signature. */
  readonly note: (received: Received, reason: Unauthenticated) => void;
  /** Writes one record for each engine and reason since the last time. What can't be written is counted on. */
  readonly flush: () => Promise<void>;
}

const HINT_EVERY_MS = 1_000;
/** Ids that nobody has are one name in the count, so that a forger can't fill the memory or the log with inventions. */
const UNKNOWN = 'unknown';

export const countStrangers = (parts: StrangerParts): Strangers => {
  const counts = new Map<string, { engine: string; reason: Unauthenticated; count: number }>();
  const hinted = new Map<string, number>();

  const add = (engine: string, reason: Unauthenticated, count: number): void => {
    const line = `${engine} ${reason}`;
    counts.set(line, { engine, reason, count: count + (counts.get(line)?.count ?? 0) });
  };

  return {
    note: (received, reason) => {
      const known = parts.table.get(received.headers.engine) !== undefined;
      add(known ? received.headers.engine : UNKNOWN, reason, 1);
      const at = parts.now();
      if (!known || at - (hinted.get(received.headers.engine) ?? 0) < HINT_EVERY_MS) return;
      hinted.set(received.headers.engine, at);
      // Nobody waits for a hint: one that fails is not repeated.
      hint(parts, received).catch(() => undefined);
    },
    flush: async () => {
      const due = [...counts.values()];
      counts.clear();
      await Promise.all(
        due.map(async ({ engine, reason, count }) => {
          try {
            await parts.journal.record(counted(parts, engine, reason, count));
          } catch (error) {
            add(engine, reason, count);
            throw error;
          }
        }),
      );
    },
  };
};

const counted = (
  { journal, now, uuid }: StrangerParts,
  engine: string,
  reason: Unauthenticated,
  count: number,
): Buffer =>
  journal.encodeAudit({
    id: uuid(),
    requestId: null,
    userId: null,
    platform: null,
    time: now(),
    engine,
    keyId: null,
    action: 'authenticate',
    result: 'unauthorized_engine',
    reason,
    recordVersion: null,
    count,
  });

/** Goes to the claimed engine's own topics only, so that nobody can have it sent elsewhere. */
const hint = async (
  { topics, partitionCount, codec, replies }: StrangerParts,
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
