import { canon, equalBytes, lastingHmacSha256, sha256 } from '@vault-engine/crypto';
import type { EngineKeys } from './engine-keys.ts';

/** What a reply answers, and as what. Everything here but the type is known to both ends from the request. */
export interface ReplyHead {
  readonly replyTopic: string;
  readonly commandId: Buffer;
  readonly replyType: string;
  /** The MAC of the command that is answered: a reply belongs to one request, not to one id. */
  readonly requestMac: Buffer;
}

const LABEL = 'VE/rep/v1';

/** The MAC of a reply, under the key that signed the request. */
export const signReply = (keys: EngineKeys, head: ReplyHead, value: Buffer): Buffer =>
  lastingHmacSha256(
    keys.auth,
    canon(LABEL, keys.engine, head.replyTopic, head.commandId, head.replyType, head.requestMac, sha256(value)),
  );

/** Whether `mac` is the reply's, in constant time. */
export const verifyReply = (keys: EngineKeys, head: ReplyHead, value: Buffer, mac: Buffer): boolean =>
  equalBytes(signReply(keys, head, value), mac);
