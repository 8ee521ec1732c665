import type { PlatformId, UserId } from '@vault-engine/model';
import type { Vault } from '../call.ts';
import { processDue } from './process-due.ts';
import { type RefreshTiming, refreshConnection } from './refresh-connection.ts';
import type { DueResult, RefreshAnswer, RefreshRequest } from './refresh-request.ts';

/**
 * Refreshes connections, each in one process at a time. All methods reject with `PortUnavailable`. A refresh goes on when its
 * caller stops waiting, because a spent refresh token has to be replaced.
 */
export interface Refresher {
  /** Refreshes a connection, and waits up to `budgetMs` for it or for another process that refreshes it. */
  refresh(request: RefreshRequest, budgetMs: number): Promise<RefreshAnswer>;
  /**
   * Does what is due for a connection: refreshes it, or publishes its status. `forced`: refreshes it, due or not, past the
   * cool-down after a failure.
   */
  processDue(user: UserId, platform: PlatformId, forced?: boolean): Promise<DueResult>;
  /** How many refreshes are under way. */
  readonly underWay: number;
  /** Takes nothing new and waits for the refreshes under way. False: after `ms` one still was. */
  drain(ms: number): Promise<boolean>;
}

/** How a refresher waits. */
export interface RefresherOptions {
  /** Resolves after so many milliseconds. */
  readonly sleep: (ms: number) => Promise<unknown>;
  /** In [0, 1), so that waiting processes look at different times. */
  readonly random: () => number;
  /** The time for persisting on top of the provider's timeout, milliseconds; default 5 s. */
  readonly persistMs?: number;
}

const PERSIST_MS = 5_000;
const CONFIRM_MS = 1_000;
/** At most so many refreshes wait or are under way in a process; more are told to come again. */
const MAX_IN_FLIGHT = 4_096;
/** How often a connection whose lease another process holds is looked at, milliseconds. */
const LOOK_MS = 100;

/** Opens a refresher. Callers that want the same connection refreshed at the same time share one attempt. */
export const createRefresher = (
  vault: Vault,
  { sleep, random, persistMs = PERSIST_MS }: RefresherOptions,
): Refresher => {
  // From phase `called` on a lease covers the provider's timeout and persisting.
  const timing: RefreshTiming = {
    claimedMs: persistMs,
    leaseMs: vault.providers.refreshTimeoutMs + persistMs,
    confirmMs: CONFIRM_MS,
    sleep,
    random,
  };
  const refreshesInFlight = new Map<string, Promise<RefreshAnswer>>();
  let draining = false;

  /** Also waits for another holder: for its result, or until its lease expires. */
  const untilLeaseIsFree = async (request: RefreshRequest): Promise<RefreshAnswer> => {
    const giveUpAt = performance.now() + 2 * timing.leaseMs;
    for (;;) {
      const answer = await vault.providers.inTurn(request.platform, () => refreshConnection(vault, timing, request));
      if (answer.kind !== 'held') return answer;
      if (draining || performance.now() > giveUpAt) return { kind: 'busy' };
      await sleep(LOOK_MS * (0.5 + random()));
    }
  };

  const inFlight = async (request: RefreshRequest): Promise<RefreshAnswer> => {
    const { user, platform, tokenVersion, forced } = request;
    const key = `${user}:${platform}:${tokenVersion}:${forced}`;
    const shared = refreshesInFlight.get(key);
    if (shared !== undefined) return shared;
    if (draining || refreshesInFlight.size >= MAX_IN_FLIGHT) return { kind: 'busy' };
    const under = untilLeaseIsFree(request).finally(() => refreshesInFlight.delete(key));
    refreshesInFlight.set(key, under);
    return under;
  };

  const refresh = async (request: RefreshRequest, budgetMs: number): Promise<RefreshAnswer> => {
    const deadlineBudget = new AbortController();
    const tooLong = waitFor(budgetMs, deadlineBudget.signal);
    try {
      return await Promise.race([inFlight(request), tooLong]);
    } finally {
      deadlineBudget.abort();
    }
  };

  return {
    refresh,
    processDue: async (user, platform, forced = false) =>
      draining
        ? { kind: 'busy' }
        : processDue(
            vault,
            { leaseMs: timing.leaseMs, refresh: (request) => inFlight(request) },
            { user, platform },
            forced,
          ),
    get underWay() {
      return refreshesInFlight.size;
    },
    drain: async (ms) => {
      draining = true;
      const giveUp = new AbortController();
      const done = Promise.allSettled(refreshesInFlight.values()).then(() => true);
      const late = waitFor(ms, giveUp.signal).then(() => false);
      return Promise.race([done, late]).finally(() => giveUp.abort());
    },
  };
};

const waitFor = (ms: number, signal: AbortSignal): Promise<{ readonly kind: 'busy' }> =>
  new Promise((resolve) => {
    const timer = setTimeout(() => resolve({ kind: 'busy' }), ms);
    signal.addEventListener('abort', () => clearTimeout(timer), { once: true });
  });
