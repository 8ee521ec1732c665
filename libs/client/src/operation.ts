import type { Codec, CommandName, DecodedRecord, ReplyName } from '@vault-engine/contracts';
import type { EngineKeys, ReplyHead } from '@vault-engine/protocol/client';

/** The command that a token is sealed for. */
export interface CommandContext {
  readonly keys: EngineKeys;
  readonly topic: string;
  readonly commandId: Buffer;
}

/** The reply that a token was sealed for. */
export interface ReplyContext {
  readonly keys: EngineKeys;
  readonly head: ReplyHead;
}

/** One kind of request: how its command is encoded and how its reply is read. */
export interface Operation<Value> {
  readonly command: CommandName;
  readonly reply: ReplyName;
  /** The message key. */
  readonly user: string;
  readonly encode: (codec: Codec<CommandName>, context: CommandContext) => Buffer;
  /** The result, or null where the authenticated reply does not match the request. */
  readonly read: (reply: DecodedRecord, context: ReplyContext) => Value | null;
}

/** Unix milliseconds as a date; null for null. */
export const dateOf = (ms: number | null): Date | null => (ms === null ? null : new Date(ms));

/** A time as Unix milliseconds; null for null or undefined. */
export const millisOf = (time: Date | number | null | undefined): number | null =>
  time instanceof Date ? time.getTime() : (time ?? null);
