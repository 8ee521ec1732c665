import type { Inbox, Outgoing } from '@vault-engine/bus';
import {
  type CommandHead,
  type EngineKeys,
  encodeCommandHeaders,
  type ReplyHead,
  signRequest,
} from '@vault-engine/protocol';
import type { CallOptions } from './call-options.ts';
import type { Operation } from './operation.ts';
import type { CallerCodec } from './read-reply.ts';

/** One request before it is signed. */
export interface Asked<Value> {
  /** The command's id as canonical text. */
  readonly requestId: string;
  readonly keys: EngineKeys;
  readonly operation: Operation<Value>;
  readonly timeoutMs: number;
}

/** How and where commands are written. */
export interface Route {
  readonly codec: CallerCodec;
  readonly commandsTopic: string;
}

/** A signed command, and what the MAC of its reply is made over. */
export interface Signed {
  readonly message: Outgoing;
  readonly head: Omit<ReplyHead, 'replyType'>;
}

/** Encodes a command to be answered at `inbox` and signs it, tokens in it sealed. Throws `InvalidRecord` where it does not fit its schema. */
export const signCommand = (
  { codec, commandsTopic: topic }: Route,
  inbox: Pick<Inbox, 'topic' | 'partition'>,
  { requestId, keys, operation, timeoutMs }: Asked<unknown>,
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
