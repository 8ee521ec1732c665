import { createHash, createHmac, timingSafeEqual } from 'node:crypto';
import { canon } from '@vault-engine/crypto';
import type { Failure } from '@vault-engine/model';
import type { Call } from '../call.ts';
import type { DedupeRecord, UserView } from '../token-store.ts';

/** The id of a call's dedupe record, from engine, user and idempotency key. A digest, so that it shows no user id. */
export const dedupeId = (call: Pick<Call, 'engine' | 'idempotencyKey'>, user: string): string =>
  createHash('sha256')
    .update(canon('VE/dedupe-id/v1', call.engine, user, call.idempotencyKey))
    .digest('hex')
    .slice(0, 32);

/**
 * The id of a refusal's dedupe record. It belongs to one signed request and not to the idempotency key: the caller's next
 * attempt is decided again, and a second delivery of the same bytes is answered from the record.
 */
export const refusalId = (call: Pick<Call, 'engine'>, requestMac: Buffer): string =>
  createHash('sha256')
    .update(canon('VE/refusal-id/v1', call.engine, requestMac))
    .digest('hex')
    .slice(0, 32);

/** The digest of a command, secrets included, under the engine's own key. */
export const commandDigest = (
  call: Pick<Call, 'action' | 'dedupeKey'>,
  ...fields: readonly (string | Uint8Array)[]
): Buffer =>
  createHmac('sha256', call.dedupeKey)
    .update(canon('VE/dedupe/v1', call.action, ...fields))
    .digest();

/** The dedupe record if the same command was executed before; `different`: another one under the same key. */
export const matchDedupeRecord = (
  view: Pick<UserView, 'dedupeRecord'>,
  digest: Buffer,
): 'new' | 'different' | DedupeRecord => {
  const { dedupeRecord } = view;
  if (dedupeRecord === null) return 'new';
  const equal = dedupeRecord.mac.length === digest.length && timingSafeEqual(dedupeRecord.mac, digest);
  return equal ? dedupeRecord : 'different';
};

/** The outcome in a dedupe record. */
export type DedupeOutcome = { readonly value: unknown } | { readonly refused: Failure };

export const dedupeOutcomeText = (outcome: DedupeOutcome): string => JSON.stringify(outcome);

/** Reads what {@link dedupeOutcomeText} wrote. */
export const parseDedupeOutcome = (text: string): DedupeOutcome => JSON.parse(text) as DedupeOutcome;
