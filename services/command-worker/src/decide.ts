import type { Codec } from '@vault-engine/contracts';
import { type Answer, type AuditSubject, type Call, type Failure, refuse, userId } from '@vault-engine/vault';
import { type Executed, type ExecutionParts, execute } from './execute.ts';
import { type Command, readCommand } from './read-command.ts';
import type { Authenticated, CommandInProgress } from './receive.ts';
import { type ReplyRecord, recordOf } from './reply.ts';
import type { ReplyAddress } from './reply-address.ts';
import { failureOf, isTransient, mayRetry } from './transient-failure.ts';

/** What a command is decided with. */
export interface DecisionParts extends ExecutionParts {
  readonly codec: Pick<Codec, 'decode'>;
}

/** How a command is answered. */
export interface Verdict {
  readonly subject: AuditSubject;
  readonly answer: Answer<ReplyRecord>;
  /** Why the record goes to the dead-letter topic as well; null: it does not. */
  readonly poison: string | null;
  /** The error behind an answer of `internal`; undefined otherwise. */
  readonly error: unknown;
}

/** Reads and executes a command. A transient failure is thrown until the deadline draws near; then it is the answer. */
export const decide = async (
  parts: DecisionParts,
  from: CommandInProgress,
  call: Call,
  address: ReplyAddress,
): Promise<Verdict> => {
  let subject = keySubject(from);
  try {
    const read = readCommand(await parts.codec.decode(from.value), from);
    if (!read.ok) {
      const { failure, poison, platform } = read;
      return { subject: { ...subject, platform }, answer: { ok: false, failure }, poison, error: undefined };
    }
    const { command } = read;
    subject = { user: command.user, platform: command.platform };
    try {
      const answer = await execute(parts, call, from, command);
      return { subject, answer: asReply(from, command, answer, address), poison: null, error: undefined };
    } finally {
      wipe(command);
    }
  } catch (error) {
    const transient = isTransient(error);
    if (transient && mayRetry(from, parts.vault.now())) throw error;
    return {
      subject,
      answer: { ok: false, failure: failureOf(error) },
      poison: null,
      error: transient ? undefined : error,
    };
  }
};

/** The verdict on a command that is refused before its value is read: by its headers, or for the reply address that it asks for. */
export const refusedBefore = (from: Authenticated, failure: Failure | null): Verdict => ({
  subject: keySubject(from),
  answer: failure === null ? refuse('internal', 'the command has no reply address') : { ok: false, failure },
  poison: null,
  error: undefined,
});

/** The subject of a command whose value is not read: the message key names the user. */
const keySubject = ({ key }: Authenticated): AuditSubject => ({ user: userId(key.toString()), platform: null });

const wipe = (command: Command): void => {
  if (command.type !== 'StoreToken') return;
  command.access.wipe();
  command.refresh?.wipe();
};

const asReply = (
  from: Authenticated,
  command: Command,
  answer: Answer<Executed>,
  address: ReplyAddress,
): Answer<ReplyRecord> => (answer.ok ? { ...answer, value: recordOf(from, command, answer.value, address) } : answer);
