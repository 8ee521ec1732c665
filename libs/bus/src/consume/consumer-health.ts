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

async function brokersRespond(bus: Bus): Promise<boolean> {
  try {
    await withAdmin(bus, (admin) => admin.describeCluster());
    return true;
  } catch {
    return false;
  }
}
