import { type Bus, withAdmin } from './bus.ts';

/** A consumer that will not read on by itself. The process should end and be started again. */
export class ConsumerDead extends Error {
  override readonly name = 'ConsumerDead';
}

/** Told once of a consumer that is dead for good. */
export type OnFatal = (error: ConsumerDead) => void;

/** Watches whether a consumer still fetches. */
export interface StallWatch {
  /** A fetch has ended. */
  fetched(): void;
  stop(): void;
}

/**
 * Calls `onStall` when no fetch has ended for `stallMs` although the brokers answer: while they do not, nobody can fetch,
 * and ending the process would not help.
 */
export function watchStall(bus: Bus, stallMs: number, onStall: () => void): StallWatch {
  let since = Date.now();
  const look = async () => {
    const silence = Date.now() - since;
    if (silence > stallMs) {
      since = Date.now();
      onStall();
    } else if (silence > stallMs / 2 && !(await brokersAnswer(bus))) {
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

async function brokersAnswer(bus: Bus): Promise<boolean> {
  try {
    await withAdmin(bus, (admin) => admin.describeCluster());
    return true;
  } catch {
    return false;
  }
}
