import { deadlineOf } from '@vault-engine/protocol';
import {
  dedupeOutcomeText,
  type ErrorCode,
  type Failure,
  parseDedupeOutcome,
  refusalId,
  type UserId,
  type UserView,
  userId,
  type Vault,
} from '@vault-engine/vault';
import type { Authenticated } from './receive.ts';

/**
 * Refusals that the same command might not get a second time. If Kafka delivers a refused mutating command again, after
 * later commands of its user took effect, it must not take effect then. A refusal by the deadline stays one by itself.
 */
const MAY_CHANGE: ReadonlySet<ErrorCode> = new Set(['rate_limited', 'forbidden']);

/** How far the clocks of two workers may be apart. */
const CLOCKS_APART_MS = 60_000;

/** How many refusals of one engine are kept, and how many of them for one user. The oldest are dropped. */
const LIMITS = { perEngine: 1_000, perUser: 32 };

/**
 * The refusals of this process. A refusal writes nothing to the store. It is written, as a dedupe record, before the next
 * mutating command of the same user takes effect. That is early enough: until then, and in any other worker that the
 * partition moves to, a command that is delivered again comes before the later ones, so that its effect is in order.
 */
export interface Refusals {
  /** Keeps the refusal of a mutating command, if the same command might be admitted later. */
  readonly keep: (from: Pick<Authenticated, 'headers' | 'record' | 'key' | 'engine'>, failure: Failure) => void;
  /** Writes the kept refusals of a user's commands to the store. Rejects with `PortUnavailable`, and keeps them then. */
  readonly store: (user: UserId) => Promise<void>;
}

interface Refusal {
  readonly id: string;
  readonly mac: Buffer;
  readonly outcome: string;
  /** No worker executes the command after this, Unix milliseconds. */
  readonly until: number;
}

type OfEngine = Map<UserId, Refusal[]>;

/** Opens the memory of refusals. */
export const keepRefusals = ({ store, now }: Pick<Vault, 'store' | 'now'>, limits = LIMITS): Refusals => {
  const engines = new Map<string, { readonly users: OfEngine; count: number }>();
  return {
    keep: ({ headers, record, key, engine }, failure) => {
      const user = userId(key.toString());
      if (user === null || !MAY_CHANGE.has(failure.code)) return;
      const name = engine.entry.engine;
      const kept = engines.get(name) ?? { users: new Map(), count: 0 };
      engines.set(name, kept);
      const refusals = kept.users.get(user) ?? [];
      kept.users.set(user, refusals);
      refusals.push({
        id: refusalId({ engine: name as Parameters<typeof refusalId>[0]['engine'] }, headers.mac), // the table's name
        mac: headers.mac,
        outcome: dedupeOutcomeText({ refused: failure }),
        until: deadlineOf(record.timestamp, headers.timeoutMs) + CLOCKS_APART_MS,
      });
      kept.count += 1;
      while (refusals.length > limits.perUser) {
        refusals.shift();
        kept.count -= 1;
      }
      while (kept.count > limits.perEngine) dropOldestUser(kept);
    },
    store: async (user) => {
      for (const kept of engines.values()) {
        const refusals = kept.users.get(user);
        if (refusals === undefined) continue;
        await Promise.all(
          refusals
            .filter(({ until }) => until > now())
            .map(({ until, ...entry }) => store.dedupe(user, { ...entry, keepMs: until - now() })),
        );
        kept.users.delete(user);
        kept.count -= refusals.length;
      }
    },
  };
};

const dropOldestUser = (kept: { readonly users: OfEngine; count: number }): void => {
  const oldest = kept.users.entries().next();
  if (oldest.done) return;
  const [user, refusals] = oldest.value;
  kept.users.delete(user);
  kept.count -= refusals.length;
};

/** The stored refusal of this very request; null: there is none. */
export const storedRefusal = (
  { dedupeRecord }: Pick<UserView, 'dedupeRecord'>,
  { mac }: Authenticated['headers'],
): Failure | null => {
  if (dedupeRecord === null || !dedupeRecord.mac.equals(mac)) return null;
  const outcome = parseDedupeOutcome(dedupeRecord.outcome);
  return 'refused' in outcome ? { ...outcome.refused, reason: 'repeated' } : null;
};
