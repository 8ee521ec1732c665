import { type Change, type ConnectionRecord, isExactInteger, type WrappedBranchKey } from '@vault-engine/vault';

// A change that no decision of the domain makes is a bug of the caller. Every adapter rejects it before it writes.

/** @throws RangeError for a change that breaks a rule of the fields of `Change` */
export const refuseImpossibleChange = (change: Change): void => {
  const { expectedRevision, revision, dataKey, put, leaseOwner, remove, flows, forget, dedupe } = change;
  const unpublished = put !== null && leaseOwner !== null && change.transition.events.length === 0;
  if (revision < (expectedRevision ?? 0) || (revision === expectedRevision && !unpublished))
    refuse('its revision does not rise');
  if (forget && (put !== null || dataKey !== null || flows !== null)) refuse('it forgets and writes');
  if (put !== null && remove.includes(put.platform)) refuse('it puts and removes one connection');
  if ((put !== null || flows !== null) && expectedRevision === null && dataKey === null)
    refuse('a new user without a data key');
  if (leaseOwner !== null && put === null) refuse('a lease without a put');
  if (leaseOwner === '') refuse('a lease without an owner');
  if (dedupe !== null) refuseImpossibleDedupe(dedupe);
  refuseNegative([revision, expectedRevision, put?.dueAt, ...(put === null ? [] : countsOf(put.record))]);
  if (put !== null) refuseInexact(timesOf(put.record));
  for (const { startedAt, expiresAt } of flows ?? []) refuseInexact([startedAt, expiresAt]);
};

/** @throws RangeError for a dedupe record without an id or without a time to keep it */
export const refuseImpossibleDedupe = ({ id, keepMs }: { readonly id: string; readonly keepMs: number }): void => {
  if (id === '') refuse('a dedupe record without an id');
  if (keepMs < 1) refuse('a dedupe record that is kept for no time');
  refuseInexact([keepMs]);
};

/** @throws RangeError for a lease without an owner or without a duration in whole milliseconds */
export const refuseImpossibleLease = (owner: string, ttlMs = 1): void => {
  if (owner === '') throw new RangeError('impossible lease: it has no owner');
  if (ttlMs < 1 || !isExactInteger(ttlMs)) throw new RangeError('impossible lease: it lasts for no whole time');
};

/** @throws RangeError for a branch key whose numbers are out of range, or that is empty */
export const refuseImpossibleBranchKey = ({ branch, version, wrapped, createdAt }: WrappedBranchKey): void => {
  refuseNegative([branch, createdAt]);
  if (version < 1 || !isExactInteger(version)) refuse('versions of branch keys begin with 1');
  if (wrapped.length === 0) refuse('an empty branch key');
};

const countsOf = ({ version, tokenVersion, storedAt }: ConnectionRecord) => [version, tokenVersion, storedAt];

const timesOf = ({ metadata, condition, grant }: ConnectionRecord) => [
  ...[metadata.expiresAt, metadata.refreshExpiresAt, grant.since, grant.endsAt, grant.refreshedAt],
  ...Object.values(condition).filter((value) => typeof value === 'number'),
];

type Numbers = readonly (number | null | undefined)[];

/** Only integers that every part of the vault reads and writes exactly. */
const refuseInexact = (numbers: Numbers): void => {
  for (const value of numbers) {
    if (value !== null && value !== undefined && !isExactInteger(value))
      refuse('a number is not an integer within ±(2^52 - 1)');
  }
};

const refuseNegative = (counts: Numbers): void => {
  refuseInexact(counts);
  if (counts.some((value) => (value ?? 0) < 0)) refuse('a number is negative');
};

const refuse = (what: string): never => {
  throw new RangeError(`impossible change: ${what}`);
};
