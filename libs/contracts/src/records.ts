import { RECORDS_OF } from './generated/schemas.ts';
import type { Records } from './generated/types.ts';

export type * from './generated/types.ts';

/** The name of a record, e.g. `StoreToken`. */
export type RecordName = keyof Records;
/** The name of a command. */
export type CommandName = (typeof RECORDS_OF)['commands'][number];
/** The name of a reply. */
export type ReplyName = (typeof RECORDS_OF)['replies'][number];

/** Every record. */
export const RECORD_NAMES: readonly RecordName[] = Object.values(RECORDS_OF).flat();
/** Every command. */
export const COMMAND_NAMES: readonly CommandName[] = RECORDS_OF.commands;
/** Every reply. */
export const REPLY_NAMES: readonly ReplyName[] = RECORDS_OF.replies;

const COMMANDS: ReadonlySet<string> = new Set(COMMAND_NAMES);

/** Whether `text` is the name of a command. */
export const isCommandName = (text: string): text is CommandName => COMMANDS.has(text);

/** The registry's subject of a record: the record's full name. */
export const subjectOf = (name: RecordName): string => `vault.v1.${name}`;
