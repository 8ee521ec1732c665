import { setTimeout as sleepFor } from 'node:timers/promises';
import type { Log } from './log.ts';

/** An open part. */
export interface OpenPart {
  readonly part: string;
  readonly close: () => Promise<void> | void;
}

/**
 * Closes `parts` one after the other, the last opened first. A failure is logged, and the other parts are closed all the
 * same. Returns whether all parts were closed without a failure within `limitMs` in total.
 */
export const stopInReverse = async (parts: readonly OpenPart[], limitMs: number, log: Log): Promise<boolean> => {
  const limit = new AbortController();
  const inTime = closeAll(parts.toReversed(), log, limit.signal);
  const late = sleepFor(limitMs, 'late' as const, { signal: limit.signal }).catch(() => 'late' as const);
  const outcome = await Promise.race([inTime, late]);
  limit.abort();
  if (outcome === 'late') log.error('parts did not stop in time', { delayMs: limitMs });
  return outcome === true;
};

const closeAll = async (parts: readonly OpenPart[], log: Log, limit: AbortSignal): Promise<boolean> => {
  let clean = true;
  for (const { part, close } of parts) {
    if (limit.aborted) return false;
    try {
      await close();
    } catch (error) {
      clean = false;
      log.error('part did not stop cleanly', { part, error });
    }
  }
  return clean;
};
