import type { Consumer } from 'kafkajs';
import { type Bus, withAdmin } from '../bus.ts';

/** A consumer has ended and will not continue by itself. The process should exit and be started again. */
export class ConsumerDead extends Error {
  override readonly name = 'ConsumerDead';
}

/** Partitions have unread records, and neither reading nor committing advances. The text names group, topic and partitions. */
export class PartitionStalled extends Error {
  override readonly name = 'PartitionStalled';
  constructor(groupId: string, stalled: readonly { readonly topic: string; readonly partition: number }[]) {
    const names = stalled.map(({ topic, partition }) => `${topic}/${partition}`).join(', ');
    super(
      `group ${groupId} does not advance in ${names}, which have unread records; check the partitions' leaders and this process`,
    );
  }
}

/** Called once when a consumer has ended for good. */
export type OnFatal = (error: ConsumerDead) => void;

/** Detects that a consumer no longer fetches. */
export interface StallWatch {
  /** A fetch has ended. */
  fetched(): void;
  stop(): void;
}

/**
 * Calls `onStall` when no fetch has ended for `stallMs` although the brokers respond. While the brokers do not respond, ending
 * the process would not help.
 */
export function watchStall(bus: Bus, stallMs: number, onStall: () => void): StallWatch {
  let since = Date.now();
  const look = async () => {
    const silence = Date.now() - since;
    if (silence > stallMs) {
      since = Date.now();
      onStall();
    } else if (silence > stallMs / 2 && !(await brokersRespond(bus))) {
      since = Date.now();
    }
  };
  const timer = setInterval(() => void look(), stallMs / 10);
  timer.unref();
  return {
    fetched: () => {
      since = Date.now();
    },
    stop: () => clearInterval(timer),
  };
}

/**
 * Resolves when each broker has answered a fetch since the call: only that shows that the topics may be read. Brokers that do not
 * answer within 2 s of the first are not waited for.
 */
export function firstFetch(consumer: Consumer): Promise<void> {
  const { events } = consumer;
  const pending = new Set<number>();
  const answered = new Set<number>();
  const done = Promise.withResolvers<void>();
  let limit: NodeJS.Timeout | undefined;
  const listeners = [
    consumer.on(events.CRASH, () => {
      clearTimeout(limit);
      limit = undefined;
      pending.clear();
      answered.clear();
    }),
    consumer.on(events.FETCH_START, ({ payload: { nodeId } }) => {
      if (!answered.has(nodeId)) pending.add(nodeId);
    }),
    consumer.on(events.FETCH, ({ payload: { nodeId } }) => {
      pending.delete(nodeId);
      answered.add(nodeId);
      limit ??= setTimeout(done.resolve, FIRST_FETCH_LIMIT_MS);
      if (pending.size === 0) done.resolve();
    }),
  ];
  return done.promise.then(() => {
    clearTimeout(limit);
    for (const remove of listeners) remove();
  });
}

const FIRST_FETCH_LIMIT_MS = 2_000;

async function brokersRespond(bus: Bus): Promise<boolean> {
  try {
    await withAdmin(bus, (admin) => admin.describeCluster());
    return true;
  } catch {
    return false;
  }
}
