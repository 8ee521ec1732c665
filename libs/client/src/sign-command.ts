import type { Inbox, Outgoing } from '@vault-engine/bus/client';
import {
  type CommandHead,
  type EngineKeys,
  encodeCommandHeaders,
  isIdempotencyKey,
  MAX_TIMEOUT_MS,
  type ReplyHead,
  signRequest,
} from '@vault-engine/protocol/client';
import type { Operation } from './operation.ts';
import type { CallerCodec } from './pending-calls.ts';

/** Options of one request. */
export interface CallOptions {
  /** How long to wait, in whole milliseconds, 1 to 600000. The vault starts no command after its deadline. */
  readonly timeoutMs?: number | undefined;
  /** Aborts the waiting. A command that was sent cannot be recalled. */
  readonly signal?: AbortSignal | undefined;
  /**
   * For mutating commands: repetitions with the same key are executed once. 1 to 255 printable ASCII characters. Default:
   * the command id.
   */
  readonly idempotencyKey?: string | undefined;
  /** W3C Trace Context, sent as the header `traceparent`. */
  readonly traceparent?: string | undefined;
}

/**
 * The error in the options, or null. The vault does not answer commands with malformed headers, so the client refuses
 * them before sending. The vault validates everything else.
 */
export const optionsProblem = ({ timeoutMs, idempotencyKey }: CallOptions): string | null => {
  if (timeoutMs !== undefined && !(Number.isInteger(timeoutMs) && timeoutMs >= 1 && timeoutMs <= MAX_TIMEOUT_MS))
    return `timeoutMs must be a whole number from 1 to ${MAX_TIMEOUT_MS}`;
  if (idempotencyKey !== undefined && !isIdempotencyKey(idempotencyKey))
    return 'idempotencyKey must be 1 to 255 printable ASCII characters';
  return null;
};

/** One request before it is signed. */
export interface Unsigned<Value> {
  /** The command id as canonical text. */
  readonly requestId: string;
  readonly keys: EngineKeys;
  readonly operation: Operation<Value>;
  readonly timeoutMs: number;
}

/** How and where commands are sent. */
export interface Route {
  readonly codec: CallerCodec;
  readonly commandsTopic: string;
}

/** A signed command, and the part of its reply's MAC input that is known at sending. */
export interface Signed {
  readonly message: Outgoing;
  readonly head: Omit<ReplyHead, 'replyType'>;
}

/**
 * Seals the tokens of a command, encodes it, and signs it with `inbox` as its reply address. Throws `InvalidRecord` where a
 * value does not fit the schema.
 */
export const signCommand = (
  { codec, commandsTopic: topic }: Route,
  inbox: Pick<Inbox, 'topic' | 'partition'>,
  { requestId, keys, operation, timeoutMs }: Unsigned<unknown>,
  { idempotencyKey, traceparent }: CallOptions,
  sentMs: number,
): Signed => {
  const commandId = Buffer.from(requestId.replaceAll('-', ''), 'hex');
  const value = operation.encode(codec, { keys, topic, commandId });
  const key = Buffer.from(operation.user);
  const head: CommandHead = {
    commandId,
    commandType: operation.command,
    timeoutMs,
    idempotencyKey: idempotencyKey ?? null,
    replyTopic: inbox.topic,
    replyPartition: inbox.partition,
    sentMs,
  };
  const mac = signRequest(keys, head, { topic, key, value });
  const headers = encodeCommandHeaders(head, { engine: keys.engine, kid: keys.kid, mac, traceparent });
  return {
    message: { topic, key, value, headers },
    head: { replyTopic: inbox.topic, commandId, requestMac: mac },
  };
};
