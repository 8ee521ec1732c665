import type { Mark } from './marks.ts';

/** The store's state of a user. It must be read after the {@link Mark} that it is compared with. */
export type Actual =
  | { readonly kind: 'snapshot'; readonly revision: number; readonly digest: number }
  /** The store has no such user; `nowMicros` is the store's clock. */
  | { readonly kind: 'absent'; readonly nowMicros: number }
  /** The store has the user, but a row of the user does not parse. */
  | { readonly kind: 'unreadable' };

/** How topic and store differ for a user. */
export type Drift =
  /** Only the store has the user. */
  | 'missing'
  /** The topic has an earlier revision. */
  | 'outdated'
  /** The topic has other content for the same revision. */
  | 'different'
  /** The topic has a later revision with other content: the store was restored from an older copy. */
  | 'store_behind'
  /** Only the topic has the user. */
  | 'surplus'
  /** A row of the user does not parse. The store has quarantined it, and nothing is published. */
  | 'unreadable';

/** How the topic differs from the store; null where it is current. */
export const compare = (known: Mark | undefined, actual: Actual): Drift | null => {
  if (actual.kind === 'unreadable') return 'unreadable';
  if (actual.kind === 'absent') return known?.kind === 'snapshot' ? 'surplus' : null;
  if (known?.kind !== 'snapshot') return 'missing';
  if (actual.revision > known.revision) return 'outdated';
  if (actual.digest === known.digest) return null;
  return actual.revision === known.revision ? 'different' : 'store_behind';
};

/**
 * The record that brings readers to the store's state. It has the store's revision, or, if readers know a higher one, one
 * above that, because readers ignore lower revisions. The next change takes its revision from the store's clock and is
 * above both. A tombstone without a known ForgetUser also takes the store's clock, which is above every earlier revision.
 */
export const due = (known: Mark | undefined, actual: Exclude<Actual, { kind: 'unreadable' }>): Mark => {
  if (actual.kind === 'absent') {
    if (known?.kind === 'tombstone') return known;
    return { kind: 'tombstone', revision: Math.max(actual.nowMicros, (known?.revision ?? -1) + 1) };
  }
  if (known === undefined || actual.revision >= known.revision) return actual;
  if (known.kind === 'snapshot' && known.digest === actual.digest) return known;
  return { ...actual, revision: known.revision + 1 };
};
