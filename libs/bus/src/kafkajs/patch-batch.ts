import type { FetchedMessage } from './decode-fetch.ts';
import { Batch } from './kafkajs.ts';
import { patchMethod } from './patch-method.ts';

/** By the messages of a fetched partition, the offset behind its last complete record batch. */
const ends = new WeakMap<readonly FetchedMessage[], number>();

/** Remembers the offset behind the last complete record batch, as its header says. */
export const setFetchedEnd = (messages: readonly FetchedMessage[], end: number): void => {
  ends.set(messages, end);
};

/** The offset behind the last complete record batch of a fetch; undefined: it had none, or kafkajs decoded it. */
export const fetchedEndOf = ({ rawMessages }: Pick<Batch, 'rawMessages'>): number | undefined => ends.get(rawMessages);

/**
 * Gives a batch the last offset that its header names. kafkajs 2.2.4 takes the offset of the last record, which is lower where
 * compaction removed records from the end of a record batch. The position then stays below the log's end, or
 * advances by one offset for each fetch.
 */
export function patchBatch(): void {
  patchMethod(
    Batch.prototype,
    'lastOffset',
    (lastOffset) =>
      function lastOffsetOfHeader(this: Batch): string {
        const end = fetchedEndOf(this);
        return end === undefined ? lastOffset.call(this) : String(end - 1);
      },
  );
}
