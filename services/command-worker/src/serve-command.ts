import type { Attempts } from '@vault-engine/audit';
import { type BusRecord, type Outcome, type Publisher, PublishFailed } from '@vault-engine/bus';
import { type Codec, RegistryUnavailable } from '@vault-engine/contracts';
import type { EngineTable } from '@vault-engine/engines';
import { deadlineOf, uuidText } from '@vault-engine/protocol';
import {
  type Answer,
  type AuditSubject,
  auditOf,
  type Call,
  type Failure,
  type Port,
  PortUnavailable,
  refuse,
  userId,
  type Vault,
} from '@vault-engine/vault';
import { type Admission, admit } from './admit.ts';
import { type Authenticated, authenticate, type Unauthenticated } from './authenticate.ts';
import { type Executed, execute } from './execute.ts';
import { type Command, readCommand } from './read-command.ts';
import { type Received, receive } from './receive.ts';
import { type Delivery, failureRecord, type ReplyAddress, type ReplyRecord, recordOf, sendReply } from './reply.ts';
import { type PartitionCount, type ReplyTopics, replyAddress } from './reply-address.ts';

/** What a command is served with. */
export interface CommandParts {
  readonly vault: Vault;
  readonly table: EngineTable;
  readonly codec: Codec;
  readonly replies: Publisher;
  readonly topics: ReplyTopics;
  readonly partitionCount: PartitionCount;
  readonly admission: Admission;
  readonly attempts: Attempts;
  /** Tells a known engine that a command in its name was turned away. */
  readonly hint: (received: Received) => void;
  /** Told how each command ended. */
  readonly onServed: (served: Served) => void;
}

/** How one command ended, for logs and metrics: ids and codes, no value of the command. */
export interface Served {
  readonly requestId: string;
  readonly engine: string;
  readonly action: string;
  readonly subject: AuditSubject;
  /** `ok`, or the error code. */
  readonly result: string;
  readonly reply: Delivery;
  /** From the broker's append to the reply's acknowledgement. */
  readonly durationMs: number;
  /** What went wrong, where nobody expected it. */
  readonly error: unknown;
}

/** A command that is being worked on. */
interface Begun extends Authenticated {
  /** When this attempt began, Unix milliseconds. */
  readonly begunAt: number;
}

/** How a command is to be answered. */
interface Verdict {
  readonly subject: AuditSubject;
  readonly answer: Answer<ReplyRecord>;
  readonly poison: string | null;
  readonly error: unknown;
}

/** A part that was out is asked again after this long, until the command's deadline. */
const RETRY_MS = 250;
/** The answer that a part is out leaves this long before the deadline, so that it arrives. */
const LAST_WORD_MS = 400;

/**
 * Serves one record of the commands topic:
 * 1. what has not the form of a command is poison; what is not authenticated is counted, and neither is answered;
 * 2. the reply address is the engine's own; type, schema, key and fields of the record are checked;
 * 3. the command is executed: a repetition is answered from its dedupe record, anything else has to be fresh, in time,
 *    granted and within the engine's rate;
 * 4. the audit record is acknowledged, then the reply.
 *
 * While a part is out the command waits: `retry` until its deadline draws near, then an error that says which.
 */
export const serveCommand =
  (parts: CommandParts) =>
  async (record: BusRecord): Promise<Outcome> => {
    const received = receive(record);
    if (!received.ok) return { kind: 'dead-letter', reason: received.reason };
    const authenticated = authenticate(parts.table, received.value);
    if (!authenticated.ok) {
      turnAway(parts, received.value, authenticated.reason);
      return ACK;
    }
    return serve(parts, authenticated.value);
  };

const ACK: Outcome = { kind: 'ack' };

/** Ids that no engine has share one count and get no hint, so that inventions cost neither memory nor messages. */
const turnAway = ({ table, attempts, hint }: CommandParts, received: Received, reason: Unauthenticated): void => {
  const { engine } = received.headers;
  const known = table.get(engine) !== undefined;
  attempts.note(known ? engine : null, reason);
  if (known) hint(received);
};

const serve = async (parts: CommandParts, received: Authenticated): Promise<Outcome> => {
  const from = { ...received, begunAt: parts.vault.now() };
  const call = callOf(from);
  try {
    const { address, refused } = await replyAddress(parts.topics, parts.partitionCount, from);
    const decided =
      refused === null && address !== null ? await decide(parts, from, call, address) : refusedBefore(from, refused);
    const verdict = await audited(parts, from, call, decided);
    const { codec, replies: publisher } = parts;
    const delivery =
      address === null ? 'undeliverable' : await sendReply({ codec, publisher }, from, address, replyOf(verdict));
    parts.onServed(servedAs(parts, from, call, verdict, delivery));
    return verdict.poison === null ? ACK : { kind: 'dead-letter', reason: verdict.poison };
  } catch (error) {
    if (isOutage(error)) return { kind: 'retry', afterMs: RETRY_MS };
    throw error;
  }
};

const callOf = ({ headers, engine }: Authenticated): Call => ({
  requestId: uuidText(headers.commandId),
  engine: engine.open.engine as Call['engine'], // the table's key, checked by the protocol when it was read
  keyId: headers.kid,
  action: headers.commandType,
  idempotencyKey: headers.idempotencyKey ?? uuidText(headers.commandId),
  dedupeKey: engine.open.dedupe,
});

/** Steps 2 and 3. An outage throws until the deadline draws near; then it is the answer. */
const decide = async (parts: CommandParts, from: Begun, call: Call, address: ReplyAddress): Promise<Verdict> => {
  let subject = keySubject(from);
  try {
    const read = await readCommand(parts.codec, from);
    if (!read.ok)
      return { subject, answer: { ok: false, failure: read.failure }, poison: read.poison, error: undefined };
    const { command } = read;
    subject = { user: command.user, platform: command.platform };
    const answer = await execute(parts.vault, call, from, command, () => admit(parts.admission, from, command)).finally(
      () => wipe(command),
    );
    return { subject, answer: inRecord(from, command, answer, address), poison: null, error: undefined };
  } catch (error) {
    if (isOutage(error) && mayWait(parts, from)) throw error;
    return {
      subject,
      answer: { ok: false, failure: failureOf(error) },
      poison: null,
      error: isOutage(error) ? undefined : error,
    };
  }
};

const wipe = (command: Command): void => {
  if (command.type !== 'StoreToken') return;
  command.access.wipe();
  command.refresh?.wipe();
};

/** Whether another attempt, which may take as long as the one that has just failed, leaves time for the last word. */
const mayWait = ({ vault }: CommandParts, { record, headers, begunAt }: Begun): boolean => {
  const now = vault.now();
  return now + RETRY_MS + (now - begunAt) < deadlineOf(record.timestamp, headers.timeoutMs) - LAST_WORD_MS;
};

/** What a command is about, as far as one can tell without its record. */
const keySubject = ({ key }: Authenticated): AuditSubject => ({ user: userId(key.toString()), platform: null });

const refusedBefore = (from: Authenticated, failure: Failure | null): Verdict => ({
  subject: keySubject(from),
  answer: failure === null ? refuse('internal', 'the command has no reply address') : { ok: false, failure },
  poison: null,
  error: undefined,
});

const inRecord = (
  from: Authenticated,
  command: Command,
  answer: Answer<Executed>,
  address: ReplyAddress,
): Answer<ReplyRecord> => (answer.ok ? { ...answer, value: recordOf(from, command, answer.value, address) } : answer);

/** Step 4, first half: no answer leaves without its audit record, but for the one that says that there is no audit. */
const audited = async (parts: CommandParts, from: Begun, call: Call, verdict: Verdict): Promise<Verdict> => {
  const { answer, subject } = verdict;
  const entry = answer.ok
    ? answer.audit
    : auditOf(parts.vault, call, answer.failure.code, { ...subject, ...reasonOf(answer.failure) });
  if (entry === null) return verdict;
  const written = parts.vault.journal.record(parts.vault.journal.encodeAudit(entry));
  if (saysNoAudit(answer)) {
    // It was waited for already, until the deadline drew near.
    written.catch(() => undefined);
    return verdict;
  }
  try {
    await written;
    return verdict;
  } catch (error) {
    if (!isOutage(error) || mayWait(parts, from)) throw error;
    return { ...verdict, answer: { ok: false, failure: failureOf(error) } };
  }
};

const saysNoAudit = (answer: Answer<unknown>): boolean => !answer.ok && answer.failure.code === 'audit_unavailable';

const reasonOf = ({ reason }: Failure): { reason?: string } => (reason === undefined ? {} : { reason });

const replyOf = ({ answer }: Verdict): ReplyRecord => (answer.ok ? answer.value : failureRecord(answer.failure));

const servedAs = (parts: CommandParts, from: Authenticated, call: Call, verdict: Verdict, reply: Delivery): Served => ({
  requestId: call.requestId,
  engine: call.engine,
  action: call.action,
  subject: verdict.subject,
  result: verdict.answer.ok ? 'ok' : verdict.answer.failure.code,
  reply,
  durationMs: parts.vault.now() - from.record.timestamp,
  error: verdict.error,
});

const isOutage = (error: unknown): boolean =>
  error instanceof PortUnavailable ||
  error instanceof RegistryUnavailable ||
  (error instanceof PublishFailed && error.retryable);

const OUTAGES: Readonly<Record<Port, Failure>> = {
  storage: refuse('storage_unavailable', 'the token store does not answer').failure,
  keys: refuse('storage_unavailable', 'the key service does not answer', 'key_service').failure,
  audit: refuse('audit_unavailable', 'the audit log does not answer').failure,
  provider: refuse('provider_unavailable', 'the platform does not answer').failure,
};

const failureOf = (error: unknown): Failure => {
  if (error instanceof PortUnavailable) return OUTAGES[error.port];
  if (error instanceof RegistryUnavailable)
    return refuse('storage_unavailable', 'the schema registry does not answer', 'registry').failure;
  return refuse('internal', 'the command failed unexpectedly').failure;
};
