import { type BusRecord, deadLetterHeaders, type KeyedConsumerOptions, type Publisher } from '@vault-engine/bus';
import type { Log } from '@vault-engine/runtime';
import { rateLimit } from './rate-limit.ts';
import { type CommandParts, concludeFailed } from './serve-command.ts';
import { isTransient } from './transient-failure.ts';

/** The bus's reason for a command whose handling failed too often. Of all dead letters only these are not answered yet. */
const HANDLER_FAILED = 'handler_failed';
/** Begins the bus's reason for a batch that it could not decode. Nobody is authenticated by it. */
const UNDECODABLE_BATCH = 'undecodable_batch:';

/** What dead letters are written with. */
export interface DeadLetterParts {
  /** The dead-letter topic. */
  readonly topic: string;
  readonly groupId: string;
  readonly deadLetters: Pick<Publisher, 'send'>;
  readonly log: Log;
  /** Undecodable batches that are kept whole within a minute; others are counted and sampled. */
  readonly batchesPerMinute: number;
  readonly now: () => number;
}

/**
 * Moves a record to the dead-letter topic. A command whose handling failed too often is audited and answered first. Of the
 * batches that could not be decoded, which anybody may have sent, a few a minute are kept with their bytes.
 */
export const moveToDeadLetterTopic = (
  { topic, groupId, deadLetters, log, batchesPerMinute, now }: DeadLetterParts,
  parts: CommandParts,
): KeyedConsumerOptions['deadLetter'] => {
  const concluded = new WeakSet<BusRecord>();
  const takeToken = rateLimit();
  const rate = { perSecond: batchesPerMinute / 60, burst: batchesPerMinute };
  return async (record: BusRecord, reason: string) => {
    if (reason.startsWith(UNDECODABLE_BATCH) && takeToken('batches', rate, now()) > 0) {
      parts.attempts.note(null, 'malformed');
      parts.onUnauthenticated({ record, engine: null, counted: 'malformed', reason });
      return;
    }
    if (reason === HANDLER_FAILED && !concluded.has(record)) {
      await concludeFailed(parts, record).catch(unlessTransient(log));
      concluded.add(record);
    }
    const { key, value, partition, offset } = record;
    const headers = deadLetterHeaders(record, groupId, reason);
    await deadLetters.send({ topic, key, value, headers });
    log.warn('record moved to the dead-letter topic', { partition, offset: String(offset), reason });
  };
};

/** A command that cannot even be answered as failed goes to the dead-letter topic all the same. */
const unlessTransient =
  (log: Log) =>
  (error: unknown): void => {
    if (isTransient(error)) throw error;
    log.error('failed command not answered', { error });
  };
