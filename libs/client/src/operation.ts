import type { Codec, CommandName, DecodedRecord, ReplyName } from '@vault-engine/contracts';
import type { EngineKeys, ReplyHead } from '@vault-engine/protocol';

/** Where a command goes, which a token in it is sealed for. */
export interface CommandPlace {
  readonly keys: EngineKeys;
  readonly topic: string;
  readonly commandId: Buffer;
}

/** Where a reply came from, which a token in it was sealed for. */
export interface ReplyPlace {
  readonly keys: EngineKeys;
  readonly head: ReplyHead;
}

/** One request: how it is written, and how what comes back is read. */
export interface Operation<Value> {
  readonly command: CommandName;
  readonly reply: ReplyName;
  /** The message key. */
  readonly user: string;
  readonly encode: (codec: Codec<CommandName>, place: CommandPlace) => Buffer;
  /** Null: the reply, although authenticated, is not the answer to this. */
  readonly read: (reply: DecodedRecord, place: ReplyPlace) => Value | null;
}

/** Unix milliseconds as a date; null where nobody said. */
export const dateOf = (ms: number | null): Date | null => (ms === null ? null : new Date(ms));

/** A time as Avro has it. */
export const millisOf = (time: Date | number | null | undefined): number | null =>
  time instanceof Date ? time.getTime() : (time ?? null);
