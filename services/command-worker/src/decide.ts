import type { Codec } from '@vault-engine/contracts';
import { type Answer, type AuditSubject, type Call, type Failure, refuse, userId } from '@vault-engine/vault';
import { type Admission, admit } from './admit.ts';
import type { Authenticated } from './authenticate.ts';
import { type Executed, type ExecutionParts, execute } from './execute.ts';
import { failureOf, isOutage, mayWait } from './outage.ts';
import { type Command, readCommand } from './read-command.ts';
import { type ReplyAddress, type ReplyRecord, recordOf } from './reply.ts';
import type { CommandInProgress, Verdict } from './verdict.ts';

/** What a command is decided with. */
export interface DecisionParts extends ExecutionParts {
  readonly codec: Codec;
  readonly admission: Admission;
}

/** Reads and executes a command. An outage throws until the deadline draws near; then it is the answer. */
export const decide = async (
  parts: DecisionParts,
  from: CommandInProgress,
  call: Call,
  address: ReplyAddress,
): Promise<Verdict> => {
  let subject = keySubject(from);
  try {
    const read = readCommand(await parts.codec.decode(from.value), from);
    if (!read.ok)
      return { subject, answer: { ok: false, failure: read.failure }, poison: read.poison, error: undefined };
    const { command } = read;
    subject = { user: command.user, platform: command.platform };
    try {
      const answer = await execute(parts, call, from, command, () => admit(parts.admission, from, command));
      return { subject, answer: inRecord(from, command, answer, address), poison: null, error: undefined };
    } finally {
      wipe(command);
    }
  } catch (error) {
    const outage = isOutage(error);
    if (outage && mayWait(from, parts.vault.now())) throw error;
    return {
      subject,
      answer: { ok: false, failure: failureOf(error) },
      poison: null,
      error: outage ? undefined : error,
    };
  }
};

/** The verdict on a command that was refused before it was read, for the sake of where it wants its reply. */
export const refusedBefore = (from: Authenticated, failure: Failure | null): Verdict => ({
  subject: keySubject(from),
  answer: failure === null ? refuse('internal', 'the command has no reply address') : { ok: false, failure },
  poison: null,
  error: undefined,
});

/** What a command is about, as far as one can tell without its record. */
const keySubject = ({ key }: Authenticated): AuditSubject => ({ user: userId(key.toString()), platform: null });

const wipe = (command: Command): void => {
  if (command.type !== 'StoreToken') return;
  command.access.wipe();
  command.refresh?.wipe();
};

const inRecord = (
  from: Authenticated,
  command: Command,
  answer: Answer<Executed>,
  address: ReplyAddress,
): Answer<ReplyRecord> => (answer.ok ? { ...answer, value: recordOf(from, command, answer.value, address) } : answer);
