import type { BusRecord } from '@vault-engine/bus';
import type { Codec, CommandFailed, CommandName, Decoded } from '@vault-engine/contracts';
import { ERRORS, type SuggestedAction } from '@vault-engine/model';
import { HEADER, parseReplyHeaders, type ReplyHead, verifyReply } from '@vault-engine/protocol';
import type { PendingCall } from './pending-calls.ts';
import { VaultError } from './vault-error.ts';

/** The correlation header of a record; undefined where it has none. */
export const correlationOf = ({ headers }: BusRecord): Buffer | undefined => headers[HEADER.correlationId];

/** What a record on the reply topic is to the request whose correlation it bears. */
export type Verified =
  | { readonly kind: 'reply'; readonly head: ReplyHead; readonly value: Buffer }
  /** Without a signature: it proves nothing. */
  | { readonly kind: 'note' }
  | { readonly kind: 'foreign'; readonly reason: 'malformed' | 'another_key' | 'another_type' | 'wrong_mac' };

/** Whether `record` is the authenticated reply to `call`: by its key, MAC and type, over nothing but its own bytes. */
export const verify = (call: PendingCall, { headers: fields, value }: BusRecord): Verified => {
  const headers = parseReplyHeaders(fields);
  if (!headers.ok || value === null) return { kind: 'foreign', reason: 'malformed' };
  const { replyType, signature } = headers.value;
  if (signature === null) return { kind: 'note' };
  if (signature.kid !== call.keys.kid) return { kind: 'foreign', reason: 'another_key' };
  if (replyType !== call.operation.reply && replyType !== 'CommandFailed')
    return { kind: 'foreign', reason: 'another_type' };
  const head = { ...call.head, replyType };
  if (!verifyReply(call.keys, head, value, signature.mac)) return { kind: 'foreign', reason: 'wrong_mac' };
  return { kind: 'reply', head, value };
};

/** Ends `call` by an authenticated reply. Answers whether it did: a record that is not what its headers say ends nothing. */
export const endBy = (call: PendingCall, head: ReplyHead, decoded: Decoded): boolean => {
  if (!decoded.ok || decoded.name !== head.replyType) return false;
  if (decoded.name === 'CommandFailed') {
    call.reject(failureOf(decoded.value, call.requestId));
    return true;
  }
  const value = call.operation.read(decoded, { keys: call.keys, head });
  if (value === null) return false;
  call.resolve(value);
  return true;
};

/** A code that this client does not know is treated by its suggested action (PROTOCOL.md, section 8). */
const failureOf = (record: CommandFailed, requestId: string): VaultError =>
  new VaultError(record.error_code, record.message, {
    requestId,
    retryAfterMs: record.retry_after_ms,
    suggestedAction: isAction(record.suggested_action) ? record.suggested_action : 'contact_operator',
  });

const ACTIONS: ReadonlySet<string> = new Set(Object.values(ERRORS).map(({ action }) => action));
const isAction = (text: string): text is SuggestedAction => ACTIONS.has(text);

/** The codec of a caller: it writes commands, and reads replies without a look-up because it knows their ids. */
export type CallerCodec = Codec<CommandName>;
