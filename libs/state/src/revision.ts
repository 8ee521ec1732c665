import type { BusRecord } from '@vault-engine/bus';
import { isExactInteger, LARGEST_INTEGER } from '@vault-engine/model';

/** Carries the revision of every message of the state topic, in decimal; of a tombstone it is the only place for one. */
const HEADER = 'x-revision';

/** A revision that has a successor which is still exact. */
export const isRevision = (value: number): boolean => isExactInteger(value) && value >= 0 && value < LARGEST_INTEGER;

/** The headers of a message of the state topic. */
export const revisionHeaders = (revision: number): Record<string, Buffer> => ({
  [HEADER]: Buffer.from(String(revision)),
});

/** The revision in the headers; null where there is none. */
export const revisionIn = (headers: BusRecord['headers']): number | null => {
  const text = headers[HEADER]?.toString('latin1') ?? '';
  const value = /^(0|[1-9]\d{0,15})$/.test(text) ? Number(text) : Number.NaN;
  return isRevision(value) ? value : null;
};

/**
 * The rule of every reader: what follows replaces what is known, unless its revision is lower. Of equal revisions the
 * later one in the log counts, for it is the one that compaction leaves: so whoever followed and whoever reads afresh
 * end with the same.
 *
 * @param known null or undefined: nothing is known
 */
export const supersedes = (next: number, known: number | null | undefined): boolean =>
  known === null || known === undefined || next >= known;
