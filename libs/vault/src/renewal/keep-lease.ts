import type { LeaseOf, TokenStore } from '../token-store.ts';

/** A lease that is held on to. */
export interface KeptLease {
  readonly of: LeaseOf;
  /** Aborts when somebody else has the lease. */
  readonly lost: AbortSignal;
  /** Says that the provider is about to be asked. False: the lease is somebody else's, and nobody must be asked. */
  readonly called: () => Promise<boolean>;
  /** Stops holding on to it; it lapses, unless a put or a release has ended it. */
  readonly stop: () => void;
}

/** Renews a claimed lease at a third of its time, until it is stopped or lost. */
export const keepLease = (store: Pick<TokenStore, 'hold'>, of: LeaseOf, leaseMs: number): KeptLease => {
  const loss = new AbortController();
  const hold = async (phase: 'claimed' | 'called'): Promise<boolean> => {
    const held = await store.hold({ ...of, phase, ttlMs: leaseMs });
    if (!held) loss.abort();
    return held;
  };
  // A store that is out takes nobody's lease away: the next renewal, or the put, tells.
  const timer = setInterval(() => hold('claimed').catch(() => undefined), leaseMs / 3);
  return {
    of,
    lost: loss.signal,
    called: () => hold('called'),
    stop: () => clearInterval(timer),
  };
};
