import type { Attempts } from '@vault-engine/audit';
import type { BusRecord, HandlerContext, HandlerResult, Outgoing, Publisher } from '@vault-engine/bus';
import type { EngineTable } from '@vault-engine/engines';
import { uuidText } from '@vault-engine/protocol';
import type { AuditSubject, Call } from '@vault-engine/vault';
import { afterMicrotasks } from './after-microtasks.ts';
import { auditVerdict } from './audit-verdict.ts';
import { type Authenticated, authenticate, type Unauthenticated } from './authenticate.ts';
import { type DecisionParts, decide, refusedBefore } from './decide.ts';
import { isOutage, WAIT } from './outage.ts';
import { type Received, receive } from './receive.ts';
import { type Delivery, deliver, failureRecord, type ReplyAddress, type ReplyRecord, replyMessage } from './reply.ts';
import { type PartitionCount, type ReplyTopics, replyAddress, replyTopicOf } from './reply-address.ts';
import type { CommandInProgress, Verdict } from './verdict.ts';

/** What a command is served with. */
export interface CommandParts extends DecisionParts {
  readonly table: EngineTable;
  readonly replies: Publisher;
  readonly topics: ReplyTopics;
  readonly partitionCount: PartitionCount;
  readonly attempts: Attempts;
  /** Tells a known engine that a command in its name was turned away. */
  readonly notify: (received: Received) => void;
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
  async (
    record: BusRecord,
    {
      ordered,
      releaseKeyOrder,
      runOutsideConcurrencyLimit,
    }: Pick<HandlerContext, 'ordered' | 'releaseKeyOrder' | 'runOutsideConcurrencyLimit'>,
  ): Promise<HandlerResult> => {
    const received = receive(record);
    if (!received.ok) return { kind: 'dead-letter', reason: received.reason };
    const authenticated = authenticate(parts.table, received.value);
    if (!authenticated.ok) {
      turnAway(parts, received.value, authenticated.reason);
      return ACK;
    }
    return serve(parts, {
      ...authenticated.value,
      late: !ordered,
      releaseKeyOrder,
      runOutsideConcurrencyLimit,
      begunAt: parts.vault.now(),
    });
  };

const ACK: HandlerResult = { kind: 'ack' };

/** Ids that no engine has share one count and get no hint, so that inventions cost neither memory nor messages. */
const turnAway = ({ table, attempts, notify }: CommandParts, received: Received, reason: Unauthenticated): void => {
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
    const decided =
      refused === null && address !== null ? await decide(parts, from, call, address) : refusedBefore(from, refused);
    const { verdict, reply } = await auditAndSign(parts, from, call, decided, address);
    const delivery = reply === null ? 'undeliverable' : await deliver(parts.replies, reply);
    if (delivery === 'undeliverable' && reply !== null) parts.partitionCount.forget(topic);
    parts.onServed(servedAs(parts, from, call, verdict, delivery));
    return verdict.poison === null ? ACK : { kind: 'dead-letter', reason: verdict.poison };
  } catch (error) {
    if (isOutage(error)) return WAIT;
    throw error;
  }
};

/**
 * Has a verdict audited, and makes its reply in the time that the audit log takes to acknowledge: the audit record goes out with
 * the end of this turn. The reply stays here until then, and is made anew where there is no audit record.
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
