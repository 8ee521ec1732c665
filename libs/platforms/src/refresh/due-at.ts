import type { RefreshFacts } from '@vault-engine/vault';
import type { PlatformProfile } from '../platform-catalog.ts';

type Policy = {
  readonly policy: Omit<PlatformProfile['policy'], 'flow_s'>;
  readonly refresh: Pick<PlatformProfile['refresh'], 'min_interval_s'>;
};

/** A number from 0 up to, but not including, 1. */
export type RandomFraction = () => number;

/**
 * When a connection is to be refreshed, Unix milliseconds; null: never. In time for its access token, or to keep an idle
 * refresh token alive, whichever comes first; never sooner after the last time than the provider allows.
 */
export const dueAt = (facts: RefreshFacts, profile: Policy, random: RandomFraction): number | null => {
  if (!facts.hasRefreshToken) return null;
  const times = [accessDueAt(facts, profile, random), keepAliveAt(facts, profile, random)].filter(
    (time) => time !== null,
  );
  if (times.length === 0) return null;
  return Math.max(Math.min(...times), facts.refreshedAt + profile.refresh.min_interval_s * 1_000);
};

/**
 * Ahead of the expiry by the margin: `margin_s`, but at most a fraction of the lifetime. Jitter comes on top, so that what
 * was stored together does not fall due together, and takes at most as much as the margin itself.
 */
const accessDueAt = ({ refreshedAt, expiresAt }: RefreshFacts, { policy }: Policy, random: RandomFraction) => {
  if (expiresAt === null) return null;
  const lifetime = Math.max(expiresAt - refreshedAt, 0);
  const margin = Math.min(policy.margin_s * 1_000, lifetime * policy.margin_max_fraction);
  return ahead(refreshedAt, expiresAt, margin, Math.min(policy.jitter_s * 1_000, margin), random);
};

/**
 * `keepalive_h` before the refresh token dies of idleness, but not before half of its time: where a refresh does not
 * lengthen it (an absolute limit), the tries grow closer and are few.
 */
const keepAliveAt = ({ refreshedAt, refreshExpiresAt }: RefreshFacts, { policy }: Policy, random: RandomFraction) => {
  if (refreshExpiresAt === null) return null;
  const lifetime = Math.max(refreshExpiresAt - refreshedAt, 0);
  const margin = Math.min(policy.keepalive_h * 3_600_000, lifetime / 2);
  return ahead(refreshedAt, refreshExpiresAt, margin, Math.min(policy.jitter_s * 1_000, margin), random);
};

const ahead = (from: number, end: number, margin: number, jitter: number, random: RandomFraction): number =>
  Math.max(Math.floor(end - margin - jitter * random()), from);
