import { canon, equalBytes, lastingHmacSha256, sha256 } from '@vault-engine/crypto/wire';
import type { CommandHead, CommandHeaders } from './command-headers.ts';
import type { EngineKeys } from './credential.ts';

/** The Kafka record of a command, without its headers. */
export interface CommandMessage {
  readonly topic: string;
  /** The message key: the user id. */
  readonly key: string | Buffer;
  /** The framed Avro record. */
  readonly value: Buffer;
}

const REQUEST_LABEL = 'VE/req/v1';

/** The MAC of a command, which also authenticates its reply. */
export const signRequest = (keys: EngineKeys, head: CommandHead, message: CommandMessage): Buffer =>
  lastingHmacSha256(
    keys.auth,
    canon(
      REQUEST_LABEL,
      message.topic,
      keys.engine,
      keys.kid,
      String(head.sentMs),
      head.commandId,
      head.commandType,
      String(head.timeoutMs),
      head.idempotencyKey ?? '',
      head.replyTopic,
      String(head.replyPartition),
      message.key,
      sha256(message.value),
    ),
  );

/** Whether `keys` produced the MAC in `headers` for this message. The MAC is compared in constant time. */
export const verifyRequest = (keys: EngineKeys, headers: CommandHeaders, message: CommandMessage): boolean =>
  headers.engine === keys.engine &&
  headers.kid === keys.kid &&
  equalBytes(signRequest(keys, headers, message), headers.mac);

/** The request that a reply answers, and the reply's type. Both ends know all but the type from the request. */
export interface ReplyHead {
  readonly replyTopic: string;
  readonly commandId: Buffer;
  readonly replyType: string;
  /** The MAC of the command that is answered. It binds the reply to one signing of the command, not only to its id. */
  readonly requestMac: Buffer;
}

const REPLY_LABEL = 'VE/rep/v1';

/** The MAC of a reply, under the key that signed the request. */
export const signReply = (keys: EngineKeys, head: ReplyHead, value: Buffer): Buffer =>
  lastingHmacSha256(
    keys.auth,
    canon(REPLY_LABEL, keys.engine, head.replyTopic, head.commandId, head.replyType, head.requestMac, sha256(value)),
  );

/** Whether `mac` is the MAC of this reply. The MAC is compared in constant time. */
export const verifyReply = (keys: EngineKeys, head: ReplyHead, value: Buffer, mac: Buffer): boolean =>
  equalBytes(signReply(keys, head, value), mac);
