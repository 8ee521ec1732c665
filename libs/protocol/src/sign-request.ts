import { canon, equalBytes, lastingHmacSha256, sha256 } from '@vault-engine/crypto';
import type { CommandHead, CommandHeaders } from './command-headers.ts';
import type { EngineKeys } from './engine-keys.ts';

/** The Kafka message that a command's headers stand on. */
export interface CommandMessage {
  readonly topic: string;
  /** The message key: the user id. */
  readonly key: string | Buffer;
  /** The framed Avro record. */
  readonly value: Buffer;
}

const LABEL = 'VE/req/v1';

/** The MAC of a command, which also authenticates its reply. */
export const signRequest = (keys: EngineKeys, head: CommandHead, message: CommandMessage): Buffer =>
  lastingHmacSha256(
    keys.auth,
    canon(
      LABEL,
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

/** Whether these keys made the headers' MAC for this message. Constant time in the MAC. */
export const verifyRequest = (keys: EngineKeys, headers: CommandHeaders, message: CommandMessage): boolean =>
  headers.engine === keys.engine &&
  headers.kid === keys.kid &&
  equalBytes(signRequest(keys, headers, message), headers.mac);
