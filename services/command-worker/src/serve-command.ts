import type { Attempts } from '@vault-engine/audit';
import type { BusRecord, HandlerContext, HandlerResult, Outgoing, Publisher } from '@vault-engine/bus';
import type { Codec } from '@vault-engine/contracts';
import type { EngineTable } from '@vault-engine/engines';
import { uuidText } from '@vault-engine/protocol';
import { type AuditSubject, type Call, type Failure, refuse } from '@vault-engine/vault';
import { afterMicrotasks, auditVerdict } from './audit-verdict.ts';
import type { ExpectedPartition } from './command-partition.ts';
import { type DecisionParts, decide, refusedBefore, type Verdict } from './decide.ts';
import {
  type Authenticated,
  authenticate,
  type CommandInProgress,
  type Received,
  receive,
  type Unauthenticated,
} from './receive.ts';
import { type Delivery, deliver, failureRecord, type ReplyRecord, replyMessage } from './reply.ts';
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
  readonly expectedPartition: ExpectedPartition;
  readonly attempts: Pick<Attempts, 'note'>;
  /** Tells a known engine that a command in its name was not authenticated. */
  readonly notify: (received: Received) => void;
  /** Called with how each command ended. */
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
  /** The reason of a refusal, from a closed list; null otherwise. */
  readonly reason: string | null;
  readonly reply: Delivery;
  /** From the broker's append to the reply's acknowledgement. */
  readonly durationMs: number;
  /** The error behind the result `internal`; undefined otherwise. */
  readonly error: unknown;
}

type Turn = Pick<HandlerContext, 'ordered' | 'releaseKeyOrder' | 'runOutsideConcurrencyLimit'>;

/**
 * Serves one record of the commands topic:
 * 1. receive: a record that is not a command goes to the dead-letter topic; one that is not authenticated is counted;
 *    neither is answered;
 * 2. decide: reply address, partition, schema, type, key and fields are checked, then the command is executed. A repetition is
 *    answered from its dedupe record; any other command has to be fresh, in time, granted and within the engine's rate;
 * 3. audit: the audit record is acknowledged;
 * 4. reply: the signed reply is acknowledged.
 *
 * While a part is unavailable the answer is `retry`, until the deadline draws near; then the reply is an error that names
 * the part.
 */
export const serveCommand =
  (parts: CommandParts) =>
  async (record: BusRecord, turn: Turn): Promise<HandlerResult> => {
    const received = receive(record);
    if (!received.ok) return { kind: 'dead-letter', reason: received.reason };
    const authenticated = authenticate(parts.table, received.value);
    if (!authenticated.ok) {
      refuseUnauthenticated(parts, received.value, authenticated.reason);
      return ACK;
    }
    const { releaseKeyOrder, runOutsideConcurrencyLimit } = turn;
    return serve(parts, {
      ...authenticated.value,
      late: !turn.ordered,
      releaseKeyOrder,
      runOutsideConcurrencyLimit,
      begunAt: parts.vault.now(),
    });
  };

const ACK: HandlerResult = { kind: 'ack' };

/** All unknown engine ids share one count and get no notice: invented ids cost neither memory nor messages. */
const refuseUnauthenticated = (
  { table, attempts, notify }: CommandParts,
  received: Received,
  reason: Unauthenticated,
): void => {
  const { engine } = received.headers;
  const known = table.get(engine) !== undefined;
  attempts.note(known ? engine : null, reason);
  if (known) notify(received);
};

const serve = async (parts: CommandParts, from: CommandInProgress): Promise<HandlerResult> => {
  const call = callOf(from);
  try {
    const topic = replyTopicOf(parts.topics, from);
    const { address, refused } = replyAddress(topic, await parts.partitionCount(topic), from);
    const refusal = refused ?? (await misplaced(parts, from));
    const decided =
      refusal === null && address !== null ? await decide(parts, from, call, address) : refusedBefore(from, refusal);
    const { verdict, reply } = await auditAndSign(parts, from, call, decided, address);
    const delivery = reply === null ? 'undeliverable' : await deliver(parts.replies, reply);
    if (delivery === 'undeliverable' && reply !== null) parts.partitionCount.forget(topic);
    parts.onServed(servedAs(parts, from, call, verdict, delivery));
    return verdict.poison === null ? ACK : { kind: 'dead-letter', reason: verdict.poison };
  } catch (error) {
    if (isTransient(error)) return RETRY;
    throw error;
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
): Promise<{ readonly verdict: Verdict; readonly reply: Outgoing | null }> => {
  const sign = (verdict: Verdict) => (address === null ? null : replyMessage(codec, from, address, replyOf(verdict)));
  const [verdict, reply] = await Promise.all([
    auditVerdict(vault, from, call, decided),
    afterMicrotasks().then(() => sign(decided)),
  ]);
  return { verdict, reply: verdict === decided ? reply : sign(verdict) };
};

const replyOf = ({ answer }: Verdict): ReplyRecord => (answer.ok ? answer.value : failureRecord(answer.failure));

const servedAs = (parts: CommandParts, from: Authenticated, call: Call, verdict: Verdict, reply: Delivery): Served => ({
  requestId: call.requestId,
  engine: call.engine,
  action: call.action,
  subject: verdict.subject,
  result: verdict.answer.ok ? 'ok' : verdict.answer.failure.code,
  reason: verdict.answer.ok ? null : (verdict.answer.failure.reason ?? null),
  reply,
  durationMs: parts.vault.now() - from.record.timestamp,
  error: verdict.error,
});
