import type { Turn } from './keyed-scheduler.ts';
import type { BusRecord } from './record.ts';

/** What has become of a record. */
export type HandlerResult =
  /** Done; its offset may be committed. */
  | { readonly kind: 'ack' }
  /** Not yet: again after so many ms. Until then the next record of its key waits, unless the lane was yielded. */
  | { readonly kind: 'retry'; readonly afterMs: number }
  /** It can never be done: it goes to the dead letters, and counts as done when they have acknowledged it. */
  | { readonly kind: 'dead-letter'; readonly reason: string };

/** What a handler is given beside the record. */
export interface HandlerContext {
  /** Aborted when the lanes stop and the time to drain is over. The record will be delivered again. */
  readonly signal: AbortSignal;
  /** Whether the record waited for those of its key before it; false also without a key. */
  readonly ordered: boolean;
  /** 1 at first; one more after each retry. Begins at 1 again after a restart. */
  readonly attempt: number;
  /**
   * Gives the lane back while the handler waits for something slow: the next record of the same key may begin, and
   * another record takes this one's place. The record stays uncommitted until the handler is through.
   */
  readonly releaseKeyOrder: () => void;
  /**
   * Waits for something slow and keeps the lane: the next record of the same key has to wait, and another record takes this
   * one's place meanwhile. Never resolves when the lanes have stopped.
   */
  readonly runOutsideConcurrencyLimit: <T>(work: Promise<T>) => Promise<T>;
}

/** What running a record needs. */
export interface RunOptions {
  readonly handle: (record: BusRecord, context: HandlerContext) => Promise<HandlerResult>;
  /** Resolves when the dead letters have acknowledged the record. */
  readonly deadLetter: (record: BusRecord, reason: string) => Promise<void>;
  /** Told of what `handle` and `deadLetter` threw; the record is tried again. */
  readonly onError: (error: unknown, record: BusRecord) => void;
  /** After so many throws of the handler in a row the record is a dead letter. */
  readonly maxThrows: number;
}

/** Runs a record until it is done or the signal is aborted. Answers whether it is done. */
export async function runRecord(
  record: BusRecord,
  turn: Turn,
  signal: AbortSignal,
  options: RunOptions,
): Promise<boolean> {
  let throws = 0;
  for (let attempt = 1; !signal.aborted; attempt += 1) {
    const { ordered, releaseKeyOrder, runOutsideConcurrencyLimit } = turn;
    const result = await tryOnce(() =>
      options.handle(record, { signal, ordered, attempt, releaseKeyOrder, runOutsideConcurrencyLimit }),
    );
    if (!result.ok) {
      throws += 1;
      options.onError(result.error, record);
      if (throws >= options.maxThrows) return moveToDeadLetterTopic(record, 'handler_failed', turn, signal, options);
      await turn.rest(backoff(throws));
      continue;
    }
    switch (result.value.kind) {
      case 'ack':
        return true;
      case 'dead-letter':
        return moveToDeadLetterTopic(record, result.value.reason, turn, signal, options);
      case 'retry':
        throws = 0;
        await turn.rest(result.value.afterMs);
    }
  }
  return false;
}

/** Until the dead letters take it: it is never dropped. */
async function moveToDeadLetterTopic(
  record: BusRecord,
  reason: string,
  turn: Turn,
  signal: AbortSignal,
  options: RunOptions,
): Promise<boolean> {
  for (let failures = 1; !signal.aborted; failures += 1) {
    const result = await tryOnce(() => options.deadLetter(record, reason));
    if (result.ok) return true;
    options.onError(result.error, record);
    await turn.rest(backoff(failures));
  }
  return false;
}

type Tried<T> = { readonly ok: true; readonly value: T } | { readonly ok: false; readonly error: unknown };

async function tryOnce<T>(work: () => Promise<T>): Promise<Tried<T>> {
  try {
    return { ok: true, value: await work() };
  } catch (error) {
    return { ok: false, error };
  }
}

/** 100 ms, doubling to 6.4 s. */
function backoff(failures: number): number {
  return 100 * 2 ** Math.min(failures - 1, 6);
}
