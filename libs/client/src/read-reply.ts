import type { BusRecord } from '@vault-engine/bus';
import type { Codec, CommandFailed, CommandName, Decoded } from '@vault-engine/contracts';
import { ERRORS, type SuggestedAction } from '@vault-engine/model';
import { HEADER, parseReplyHeaders, type ReplyHead, verifyReply } from '@vault-engine/protocol';
import type { PendingCall } from './pending-calls.ts';
import { VaultError } from './vault-error.ts';

/** The correlation header of a record; undefined where absent. */
export const correlationOf = ({ headers }: BusRecord): Buffer | undefined => headers[HEADER.correlationId];

/** The result of verifying a record of the reply topic against the request with its correlation id. */
export type Verified =
  | { readonly kind: 'reply'; readonly head: ReplyHead; readonly value: Buffer }
  /** Unsigned: it proves nothing. */
  | { readonly kind: 'notice' }
  | { readonly kind: 'foreign'; readonly reason: 'malformed' | 'another_key' | 'another_type' | 'wrong_mac' };

/** Verifies that `record` is the authenticated reply to `call`, by key, type and MAC. */
export const verify = (call: PendingCall, { headers: fields, value }: BusRecord): Verified => {
  const headers = parseReplyHeaders(fields);
  if (!headers.ok || value === null) return { kind: 'foreign', reason: 'malformed' };
  const { replyType, signature } = headers.value;
  if (signature === null) return { kind: 'notice' };
  if (signature.kid !== call.keys.kid) return { kind: 'foreign', reason: 'another_key' };
  if (replyType !== call.operation.reply && replyType !== 'CommandFailed')
    return { kind: 'foreign', reason: 'another_type' };
  const head = { ...call.head, replyType };
  if (!verifyReply(call.keys, head, value, signature.mac)) return { kind: 'foreign', reason: 'wrong_mac' };
  return { kind: 'reply', head, value };
};

/** Settles `call` with an authenticated reply. Returns false where the value does not match the headers. */
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

/** An unknown code is handled by its suggested action (PROTOCOL.md, section 8). */
const failureOf = (record: CommandFailed, requestId: string): VaultError =>
  new VaultError(record.error_code, record.message, {
    requestId,
    retryAfterMs: record.retry_after_ms,
    suggestedAction: isAction(record.suggested_action) ? record.suggested_action : 'contact_operator',
  });

const ACTIONS: ReadonlySet<string> = new Set(Object.values(ERRORS).map(({ action }) => action));
const isAction = (text: string): text is SuggestedAction => ACTIONS.has(text);

/** The codec of a caller. It encodes commands; replies need no look-up if it was opened with their types. */
export type CallerCodec = Codec<CommandName>;
