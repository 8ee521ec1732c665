import type { Publisher } from '@vault-engine/bus';
import type { Codec } from '@vault-engine/contracts';
import type { EngineEntry } from '@vault-engine/protocol';
import { toRecord } from './entry-codec.ts';
import type { EngineTable } from './table.ts';

/** What entries are published with. */
export interface WritingParts {
  readonly publisher: Publisher;
  readonly codec: Codec<'EngineEntry'>;
  /** `vault.engines`. */
  readonly topic: string;
}

/** The table did not receive a published entry in time: whether it is accepted is unknown. */
export class EntryUnconfirmed extends Error {
  override readonly name = 'EntryUnconfirmed';
}

const CONFIRM_LIMIT_MS = 15_000;

/**
 * Publishes an entry and waits for this table's verdict on it. Resolves to whether the entry was accepted.
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
 * Listens before the entry is sent, because the verdict may precede the acknowledgement. An entry that was written twice after a lost
 * acknowledgement counts as accepted if either copy was.
 */
const awaitVerdict = (table: EngineTable, entry: EngineEntry) => {
  const judged = Promise.withResolvers<void>();
  let awaited: bigint | undefined;
  let last = -1n;
  let accepted = false;
  const resolveIfJudged = (): void => {
    if (awaited !== undefined && last >= awaited) judged.resolve();
  };
  const stopListening = table.onVerdict(({ engine, offset, result }) => {
    if (engine !== entry.engine) return;
    last = offset;
    accepted ||= result.ok && result.value.entry.mac.equals(entry.mac);
    resolveIfJudged();
  });
  let limit: NodeJS.Timeout | undefined;
  return {
    at: async (offset: bigint): Promise<boolean> => {
      awaited = offset;
      limit = setTimeout(
        () =>
          judged.reject(
            new EntryUnconfirmed(
              `revision ${entry.revision} of engine ${entry.engine} was published but not confirmed; list the engines before trying again`,
            ),
          ),
        CONFIRM_LIMIT_MS,
      );
      resolveIfJudged();
      await judged.promise;
      return accepted;
    },
    stop: (): void => {
      clearTimeout(limit);
      stopListening();
    },
  };
};
