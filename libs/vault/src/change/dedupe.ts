import { createHash, createHmac, timingSafeEqual } from 'node:crypto';
import { canon } from '@vault-engine/crypto';
import type { Failure } from '@vault-engine/model';
import type { Call } from '../call.ts';
import type { DedupeRecord, UserView } from '../token-store.ts';

/** Names the dedupe record of a call: engine, user, idempotency key. Hex, so that no user id stands in a store's key. */
export const dedupeId = (call: Pick<Call, 'engine' | 'idempotencyKey'>, user: string): string =>
  createHash('sha256')
    .update(canon('VE/dedupe-id/v1', call.engine, user, call.idempotencyKey))
    .digest('hex')
    .slice(0, 32);

/**
 * Names what is remembered of a refusal. It belongs to one signed request, not to the idempotency key: the caller's next
 * attempt is judged afresh, and the same bytes, which Kafka may deliver again, are not.
 */
export const refusalId = (call: Pick<Call, 'engine'>, requestMac: Buffer): string =>
  createHash('sha256')
    .update(canon('VE/refusal-id/v1', call.engine, requestMac))
    .digest('hex')
    .slice(0, 32);

/** What a mutation asks for, as one digest under the engine's own key: it covers secrets and tells nobody about them. */
export const commandDigest = (
  call: Pick<Call, 'action' | 'dedupeKey'>,
  ...fields: readonly (string | Uint8Array)[]
): Buffer =>
  createHmac('sha256', call.dedupeKey)
    .update(canon('VE/dedupe/v1', call.action, ...fields))
    .digest();

/** Whether the same command was executed before, another one under the same key, or none. */
export const matchDedupeRecord = (
  view: Pick<UserView, 'dedupeRecord'>,
  digest: Buffer,
): 'new' | 'different' | DedupeRecord => {
  const { dedupeRecord } = view;
  if (dedupeRecord === null) return 'new';
  const equal = dedupeRecord.mac.length === digest.length && timingSafeEqual(dedupeRecord.mac, digest);
  return equal ? dedupeRecord : 'different';
};

/** What a decision came to, as a dedupe record keeps it. */
export type DedupeOutcome = { readonly value: unknown } | { readonly refused: Failure };

export const dedupeOutcomeText = (outcome: DedupeOutcome): string => JSON.stringify(outcome);

/** Reads what {@link dedupeOutcomeText} wrote. */
export const parseDedupeOutcome = (text: string): DedupeOutcome => JSON.parse(text) as DedupeOutcome;
