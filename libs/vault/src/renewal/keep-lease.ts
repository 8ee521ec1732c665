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

/**
 * For how long a lease is claimed, and for how long it is held from `called` on, milliseconds. Who dies while it is claimed
 * has spent nothing: the next need not wait for longer than it takes to be sure.
 */
export interface LeaseTimes {
  readonly claimedMs: number;
  readonly leaseMs: number;
}

/** Renews a claimed lease at a third of its time, until it is stopped or lost. */
export const keepLease = (
  store: Pick<TokenStore, 'hold'>,
  of: LeaseOf,
  { claimedMs, leaseMs }: LeaseTimes,
): KeptLease => {
  const loss = new AbortController();
  let phase: 'claimed' | 'called' = 'claimed';
  const hold = async (): Promise<boolean> => {
    const held = await store.hold({ ...of, phase, ttlMs: phase === 'called' ? leaseMs : claimedMs });
    if (!held) loss.abort();
    return held;
  };
  // A store that is out takes nobody's lease away: the next renewal, or the put, tells.
  const timer = setInterval(() => hold().catch(() => undefined), claimedMs / 3);
  return {
    of,
    lost: loss.signal,
    called: () => {
      phase = 'called';
      return hold();
    },
    stop: () => clearInterval(timer),
  };
};
