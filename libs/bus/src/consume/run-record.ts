import type { BusRecord } from '../record.ts';
import type { Turn } from './keyed-scheduler.ts';

/** The result of handling a record. */
export type HandlerResult =
  /** Done; its offset may be committed. */
  | { readonly kind: 'ack' }
  /** Not done: handle the record again after `afterMs`. The next record of its key waits, unless the key's order was released. */
  | { readonly kind: 'retry'; readonly afterMs: number }
  /** The record can never be done: it moves to the dead-letter topic, and counts as done when that write is acknowledged. */
  | { readonly kind: 'dead-letter'; readonly reason: string };

/** A handler's second argument. */
export interface HandlerContext {
  /** Aborted when the consumer stops and its drain time is over. The record will be delivered again. */
  readonly signal: AbortSignal;
  /** Whether the record waited for earlier records of its key; false without a key. */
  readonly ordered: boolean;
  /** 1 at first, one more after each retry. Starts at 1 again after a restart. */
  readonly attempt: number;
  /**
   * Lets the next record of the same key start while this handler continues, and releases the concurrency permit. The
   * record stays uncommitted until the handler ends.
   */
  readonly releaseKeyOrder: () => void;
  /**
   * Waits for slow work without a concurrency permit. The next record of the same key keeps waiting. Never resolves once the
   * consumer has stopped.
   */
  readonly runOutsideConcurrencyLimit: <T>(work: Promise<T>) => Promise<T>;
}

/** How to handle records. */
export interface HandlerOptions {
  readonly handle: (record: BusRecord, context: HandlerContext) => Promise<HandlerResult>;
  /**
   * Resolves when the dead-letter topic has acknowledged the record. With the reason `undecodable_batch:<codec>` its value is a whole
   * record batch, as the topic has it, and its offset the last one of the batch.
   */
  readonly deadLetter: (record: BusRecord, reason: string) => Promise<void>;
  /** Called with errors thrown by `handle` and `deadLetter`; the record is tried again. */
  readonly onError: (error: unknown, record: BusRecord) => void;
  /** After so many throws of the handler in a row the record moves to the dead-letter topic. */
  readonly maxThrows: number;
}

/** Runs a record until it is done or the signal is aborted. Returns whether it is done. */
export async function runRecord(
  record: BusRecord,
  turn: Turn,
  signal: AbortSignal,
  options: HandlerOptions,
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

/** Repeats until the dead-letter topic has acknowledged the record: it is never dropped. */
async function moveToDeadLetterTopic(
  record: BusRecord,
  reason: string,
  turn: Turn,
  signal: AbortSignal,
  options: HandlerOptions,
): Promise<boolean> {
  for (let failures = 1; !signal.aborted; failures += 1) {
    const result = await tryOnce(() => options.deadLetter(record, reason));
    if (result.ok) return true;
    options.onError(result.error, record);
    await turn.rest(backoff(failures));
  }
  return false;
}

type Attempt<T> = { readonly ok: true; readonly value: T } | { readonly ok: false; readonly error: unknown };

async function tryOnce<T>(work: () => Promise<T>): Promise<Attempt<T>> {
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
