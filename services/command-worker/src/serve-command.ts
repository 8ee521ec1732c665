import type { Attempts } from '@vault-engine/audit';
import type { BusRecord, HandlerContext, HandlerResult, Outgoing, Publisher } from '@vault-engine/bus';
import { type Codec, isCommandName } from '@vault-engine/contracts';
import type { EngineTable } from '@vault-engine/engines';
import { uuidText } from '@vault-engine/protocol';
import { type AuditSubject, auditOf, type Call, type Failure, refuse } from '@vault-engine/vault';
import { admitHeaders, isMutating } from './admit.ts';
import { afterMicrotasks, auditVerdict } from './audit-verdict.ts';
import type { ExpectedPartition } from './command-partition.ts';
import { type DecisionParts, decide, refusedBefore, type Verdict } from './decide.ts';
import { type Delivery, openDelivery, sendOnce } from './deliver-reply.ts';
import type { InFlight, InFlightCommand } from './in-flight.ts';
import {
  type Authenticated,
  authenticate,
  type CommandInProgress,
  type Received,
  receive,
  type Unauthenticated,
} from './receive.ts';
import { failureRecord, type ReplyRecord, replyMessage } from './reply.ts';
import {
  type PartitionCount,
  type ReplyAddress,
  type ReplyTopics,
  replyAddress,
  replyTopicOf,
} from './reply-address.ts';
import { isTransient, RETRY } from './transient-failure.ts';

/** What a command is served with. */
export interface CommandParts extends DecisionParts {
  readonly codec: Pick<Codec, 'decode' | 'encode'>;
  readonly table: Pick<EngineTable, 'get'>;
  readonly replies: Pick<Publisher, 'send'>;
  readonly topics: ReplyTopics;
  readonly partitionCount: PartitionCount;
  readonly inFlight: InFlight;
  readonly expectedPartition: ExpectedPartition;
  readonly attempts: Pick<Attempts, 'note'>;
  /** Tells a known engine that a command in its name was not authenticated. */
  readonly notify: (received: Received) => void;
  /** Called with each record that is not an authenticated command. */
  readonly onUnauthenticated: (refused: UnauthenticatedRecord) => void;
  /** Called with how each command ended. */
  readonly onServed: (served: Served) => void;
}

/** A record that is not a command, or whose MAC is not that of a usable key of its engine. */
export interface UnauthenticatedRecord {
  readonly record: BusRecord;
  /** The claimed engine; null if none is claimed or no engine has the id. */
  readonly engine: string | null;
  /** Why, from a closed list for counts. */
  readonly counted: Unauthenticated | typeof MALFORMED;
  /** Why, with the name of a header at fault. */
  readonly reason: string;
}

/** The record has not the form of a command. */
const MALFORMED = 'malformed';

/** How one command ended, for logs and metrics: ids and codes, no value of the command. */
export interface Served {
  readonly requestId: string;
  /** Of the command's `traceparent`; null without one. Not authenticated. */
  readonly traceId: string | null;
  readonly engine: string;
  readonly action: string;
  readonly subject: AuditSubject;
  /** `ok`, or the error code. */
  readonly result: string;
  /** The reason of a refusal, from a closed list; null otherwise. */
  readonly reason: string | null;
  readonly reply: Delivery;
  /** From the broker's append to the end of the delivery. */
  readonly durationMs: number;
  /** The error behind the result `internal`; undefined otherwise. */
  readonly error: unknown;
}

type Turn = Pick<HandlerContext, 'attempt' | 'ordered' | 'releaseKeyOrder' | 'runOutsideConcurrencyLimit' | 'signal'>;

/**
 * Serves one record of the commands topic:
 * 1. receive: a record that is not a command, or not authenticated, is counted and not answered;
 * 2. decide: headers, grant and rate first, at no cost; then reply address, partition, schema, type, key and fields
 *    are checked and
 *    the command is executed. A repetition of a mutating command is answered from its dedupe record; any other command has
 *    to be fresh and in time;
 * 3. audit: the audit record is acknowledged;
 * 4. reply: the signed reply is delivered, until the deadline, while other commands run.
 *
 * While a part is unavailable the answer is `retry`, until the deadline draws near; then the reply is an error that names
 * the part. A reply that is not acknowledged is only delivered again: the command is neither executed nor audited again.
 */
export const serveCommand = (parts: CommandParts): ((record: BusRecord, turn: Turn) => Promise<HandlerResult>) => {
  const serving: ServingParts = { ...parts, deliver: openDelivery(parts.replies, parts.vault.now) };
  return async (record, turn) => {
    const received = receive(record);
    if (!received.ok) {
      refuseUnauthenticated(parts, { record, engine: null, counted: MALFORMED, reason: received.reason });
      return ACK;
    }
    const authenticated = authenticate(parts.table, received.value);
    if (!authenticated.ok) {
      const { reason } = authenticated;
      const engine = parts.table.get(received.value.headers.engine)?.open.engine ?? null;
      refuseUnauthenticated(parts, { record, engine, counted: reason, reason });
      if (engine !== null) parts.notify(received.value);
      return ACK;
    }
    const { releaseKeyOrder, runOutsideConcurrencyLimit, signal } = turn;
    const from: CommandInProgress = {
      ...authenticated.value,
      attempt: turn.attempt,
      late: !turn.ordered,
      releaseKeyOrder,
      runOutsideConcurrencyLimit,
      signal,
      begunAt: parts.vault.now(),
    };
    const inFlight = parts.inFlight.begin(from.headers.engine, from.value.length);
    try {
      return await serve(serving, from, inFlight);
    } finally {
      inFlight?.end();
    }
  };
};

const ACK: HandlerResult = { kind: 'ack' };

/** All unknown engine ids share one count and get no notice: invented ids cost neither memory nor messages. */
const refuseUnauthenticated = ({ attempts, onUnauthenticated }: CommandParts, refused: UnauthenticatedRecord): void => {
  attempts.note(refused.engine, refused.counted);
  onUnauthenticated(refused);
};

/**
 * Audits and answers, as `internal`, a command whose handling has failed too often, before it goes to the dead-letter topic.
 * What is not an authenticated command is not answered. Rejects with a transient failure.
 */
export const concludeFailed = async (parts: CommandParts, record: BusRecord): Promise<void> => {
  const received = receive(record);
  const authenticated = received.ok ? authenticate(parts.table, received.value) : received;
  if (!authenticated.ok) return;
  const from = authenticated.value;
  const topic = replyTopicOf(parts.topics, from);
  const { address } = replyAddress(topic, await parts.partitionCount(topic), from);
  const { failure } = refuse('internal', 'the command failed unexpectedly', 'handler_failed');
  const call = callOf(from);
  const decided = refusedBefore(from, failure);
  await parts.vault.journal.record(
    parts.vault.journal.encodeAudit(
      auditOf(parts.vault, call, failure.code, { ...decided.subject, reason: 'handler_failed' }),
    ),
  );
  const reply = address === null ? null : replyMessage(parts.codec, from, address, failureRecord(failure));
  const delivery = reply === null ? 'undeliverable' : await sendOnce(parts.replies, reply);
  parts.onServed(servedAs(parts, from, call, decided, delivery === 'failed' ? 'expired' : delivery));
};

/** The parts, and the delivery that all commands share. */
interface ServingParts extends CommandParts {
  readonly deliver: ReturnType<typeof openDelivery>;
}

const serve = async (
  parts: ServingParts,
  from: CommandInProgress,
  inFlight: InFlightCommand | null,
): Promise<HandlerResult> => {
  const call = callOf(from);
  const refused = inFlight === null ? BUSY : (refuseSendersTime(from) ?? admitHeaders(parts.admission, from));
  const concluded = await decideAndAudit(parts, from, call, refused).catch(retryTransient);
  if (concluded === 'retry') return RETRY;
  const { verdict, reply } = concluded;
  if (!verdict.answer.ok && isMutatingCommand(from)) parts.refusals.keep(from, verdict.answer.failure);
  const { delivery, error } = await deliverWithin(parts, from, reply, inFlight);
  if (delivery === 'interrupted') return RETRY;
  parts.onServed({ ...servedAs(parts, from, call, verdict, delivery), error: error ?? verdict.error });
  return verdict.poison === null ? ACK : { kind: 'dead-letter', reason: verdict.poison };
};

/** Freshness and deadline count from the broker's append time. Where the sender sets the time, no command is executed. */
const refuseSendersTime = ({ record }: CommandInProgress): Failure | null =>
  record.timestampType === 'CreateTime' ? CREATE_TIME : null;

const CREATE_TIME = refuse(
  'internal',
  'the commands topic has the timestamps of senders (message.timestamp.type=CreateTime); contact the operator',
  'create_time',
).failure;

const BUSY: Failure = {
  ...refuse(
    'rate_limited',
    'the engine has too many commands in flight; next command after retry_after_ms',
    'in_flight',
  ).failure,
  retryAfterMs: 1_000,
};

const isMutatingCommand = ({ headers: { commandType } }: Authenticated): boolean =>
  isCommandName(commandType) && isMutating(commandType);

const retryTransient = (error: unknown): 'retry' => {
  if (isTransient(error)) return 'retry';
  throw error;
};

/** A decided, audited command with its signed reply; null: there is no address for it. */
interface Concluded {
  readonly verdict: Verdict;
  readonly reply: Outgoing | null;
}

const decideAndAudit = async (
  parts: CommandParts,
  from: CommandInProgress,
  call: Call,
  refusedByHeaders: Failure | null,
): Promise<Concluded> => {
  const topic = replyTopicOf(parts.topics, from);
  const { address, refused: misaddressed } = replyAddress(topic, await parts.partitionCount(topic), from);
  const refused = misaddressed ?? refusedByHeaders ?? (await misplaced(parts, from));
  const decided =
    refused === null && address !== null ? await decide(parts, from, call, address) : refusedBefore(from, refused);
  return auditAndSign(parts, from, call, decided, address);
};

/**
 * Delivers the reply. An engine at its limit of unacknowledged bytes gets it without a wait for the acknowledgement. An
 * unexpected error ends the delivery too: the command is executed and audited, and is not executed again for its reply.
 */
const deliverWithin = async (
  { replies, deliver, partitionCount }: ServingParts,
  from: CommandInProgress,
  reply: Outgoing | null,
  inFlight: InFlightCommand | null,
): Promise<{ readonly delivery: Delivery | 'interrupted'; readonly error?: unknown }> => {
  if (reply === null) return { delivery: 'undeliverable' };
  if (inFlight === null || !inFlight.grow(reply.value?.length ?? 0)) {
    sendOnce(replies, reply).catch(() => undefined);
    return { delivery: 'dropped' };
  }
  try {
    const delivery = await deliver(from, reply);
    if (delivery === 'undeliverable') partitionCount.forget(reply.topic);
    return { delivery };
  } catch (error) {
    return { delivery: 'undeliverable', error };
  }
};

/** The refusal of a command that is not on the partition of its key: there it is in no order with the user's others. */
const misplaced = async ({ expectedPartition }: CommandParts, from: CommandInProgress): Promise<Failure | null> => {
  const { record, runOutsideConcurrencyLimit } = from;
  const answer = expectedPartition(record);
  const expected = answer instanceof Promise ? await runOutsideConcurrencyLimit(answer) : answer;
  if (expected === null) return null;
  const where = `the command is on partition ${record.partition}, its key belongs to partition ${expected}`;
  return refuse('invalid_request', `${where}; use Java's default partitioner (murmur2)`, 'wrong_partition').failure;
};

const callOf = ({ headers, engine }: Authenticated): Call => {
  const requestId = uuidText(headers.commandId);
  return {
    requestId,
    engine: engine.open.engine as Call['engine'], // the table's key, checked by the protocol when it was read
    keyId: headers.kid,
    action: headers.commandType,
    idempotencyKey: headers.idempotencyKey ?? requestId,
    dedupeKey: engine.open.dedupe,
  };
};

/**
 * Writes the audit record, and signs the reply while the audit log acknowledges it: the record goes out at the end of this
 * turn of the event loop. The reply is not sent before the acknowledgement; it is made again where the audit record failed.
 */
const auditAndSign = async (
  { vault, codec }: CommandParts,
  from: CommandInProgress,
  call: Call,
  decided: Verdict,
  address: ReplyAddress | null,
): Promise<Concluded> => {
  const sign = (verdict: Verdict) => (address === null ? null : replyMessage(codec, from, address, replyOf(verdict)));
  const [audited, signed] = await Promise.all([
    auditVerdict(vault, from, call, decided),
    afterMicrotasks().then(() => attempt(() => sign(decided))),
  ]);
  if (audited !== decided) return { verdict: audited, reply: sign(audited) };
  if (signed.ok) return { verdict: decided, reply: signed.value };
  // The command is executed and audited: a reply that cannot be made does not have it executed again.
  const failed: Verdict = { ...decided, answer: UNSIGNED, error: signed.error };
  return { verdict: failed, reply: sign(failed) };
};

const UNSIGNED = refuse('internal', 'the command was executed, its reply could not be made; contact the operator');

const attempt = <T>(
  work: () => T,
): { readonly ok: true; readonly value: T } | { readonly ok: false; readonly error: unknown } => {
  try {
    return { ok: true, value: work() };
  } catch (error) {
    return { ok: false, error };
  }
};

const replyOf = ({ answer }: Verdict): ReplyRecord => (answer.ok ? answer.value : failureRecord(answer.failure));

const servedAs = (parts: CommandParts, from: Authenticated, call: Call, verdict: Verdict, reply: Delivery): Served => ({
  requestId: call.requestId,
  traceId: from.headers.traceparent?.split('-')[1] ?? null,
  engine: call.engine,
  action: call.action,
  subject: verdict.subject,
  result: verdict.answer.ok ? 'ok' : verdict.answer.failure.code,
  reason: verdict.answer.ok ? null : (verdict.answer.failure.reason ?? null),
  reply,
  durationMs: parts.vault.now() - from.record.timestamp,
  error: verdict.error,
});
