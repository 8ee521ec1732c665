import type { Publisher } from '@vault-engine/bus';
import type { Codec } from '@vault-engine/contracts';
import type { EngineEntry } from '@vault-engine/protocol';
import { toRecord } from './entry-codec.ts';
import type { EngineTable } from './table.ts';

/** With what entries are written. */
export interface WritingParts {
  readonly publisher: Publisher;
  readonly codec: Codec<'EngineEntry'>;
  /** `vault.engines`. */
  readonly topic: string;
}

/** A published entry did not come back through the topic: whether it is in force is not known. */
export class EntryUnconfirmed extends Error {
  override readonly name = 'EntryUnconfirmed';
}

const CONFIRM_LIMIT_MS = 15_000;

/**
 * Publishes an entry and waits until the own table has judged it. Answers whether it came into force.
 *
 * @throws PublishFailed, EntryUnconfirmed
 */
export const publishEntry = async (parts: WritingParts, table: EngineTable, entry: EngineEntry): Promise<boolean> => {
  const verdict = awaitVerdict(table, entry);
  try {
    const value = parts.codec.encode('EngineEntry', toRecord(entry));
    const { offset } = await parts.publisher.send({ topic: parts.topic, key: Buffer.from(entry.engine), value });
    return await verdict.at(offset);
  } finally {
    verdict.stop();
  }
};

/**
 * Listens from before the sending, since a verdict may come before the acknowledgement. An entry that was written twice
 * over a lost answer counts as in force if either copy was.
 */
const awaitVerdict = (table: EngineTable, entry: EngineEntry) => {
  const judged = Promise.withResolvers<void>();
  let awaited: bigint | undefined;
  let last = -1n;
  let inForce = false;
  const resolveIfJudged = (): void => {
    if (awaited !== undefined && last >= awaited) judged.resolve();
  };
  const stopListening = table.onVerdict(({ engine, offset, result }) => {
    if (engine !== entry.engine) return;
    last = offset;
    inForce ||= result.ok && result.value.entry.mac.equals(entry.mac);
    resolveIfJudged();
  });
  let limit: NodeJS.Timeout | undefined;
  return {
    at: async (offset: bigint): Promise<boolean> => {
      awaited = offset;
      limit = setTimeout(
        () => judged.reject(new EntryUnconfirmed(`revision ${entry.revision} of ${entry.engine} did not come back`)),
        CONFIRM_LIMIT_MS,
      );
      resolveIfJudged();
      await judged.promise;
      return inForce;
    },
    stop: (): void => {
      clearTimeout(limit);
      stopListening();
    },
  };
};
