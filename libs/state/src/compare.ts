import type { Mark } from './marks.ts';

/** What the store says of a user, read after the {@link Mark} that it is compared with. */
export type Actual =
  | { readonly kind: 'snapshot'; readonly revision: number; readonly digest: number }
  /** The store does not know the user; `nowMicros` is its clock. */
  | { readonly kind: 'absent'; readonly nowMicros: number }
  /** The store has the user, and a row of the user does not parse. */
  | { readonly kind: 'unreadable' };

/** How topic and store differ about a user. */
export type Drift =
  /** The store has the user and the topic does not. */
  | 'missing'
  /** The topic shows an earlier revision. */
  | 'outdated'
  /** The topic says something else of the same revision. */
  | 'different'
  /** The topic shows a later revision that says something else: the store has gone back, as from a copy. */
  | 'store_behind'
  /** The topic has the user and the store does not. */
  | 'surplus'
  /** A row of the user does not parse: the store has quarantined it, and nothing is published. */
  | 'unreadable';

/** How the topic differs from the store; null where it shows what the store has. */
export const compare = (known: Mark | undefined, actual: Actual): Drift | null => {
  if (actual.kind === 'unreadable') return 'unreadable';
  if (actual.kind === 'absent') return known?.kind === 'snapshot' ? 'surplus' : null;
  if (known?.kind !== 'snapshot') return 'missing';
  if (actual.revision > known.revision) return 'outdated';
  if (actual.digest === known.digest) return null;
  return actual.revision === known.revision ? 'different' : 'store_behind';
};

/**
 * The message that shows readers what the store has. Its revision is the store's, unless they know a higher one: then it
 * stands one above that, or they would ignore it. The next change is above both, for it takes the store's clock. The
 * tombstone of a user whom nobody is seen to forget takes the clock likewise: it is above every revision that was there.
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
