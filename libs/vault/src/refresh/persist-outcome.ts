import type { Secret } from '@vault-engine/crypto';
import { withPublishedStatus } from '../attention.ts';
import type { Vault } from '../call.ts';
import { nextVersion } from '../change.ts';
import type { ErrorCode } from '../errors.ts';
import type { Port } from '../ports.ts';
import type { RefreshedCredentials } from '../providers.ts';
import { type CommitResult, commitRefresh, type RefreshCommit } from './commit-refresh.ts';
import { type Attempt, conditionAfter, type Refused } from './decide-refresh.ts';
import type { KeptLease } from './keep-lease.ts';
import { throughOutages } from './outages.ts';
import type { RefreshTiming } from './refresh-connection.ts';
import { refreshedRecord } from './refreshed-record.ts';
import type { RefreshRequest } from './refresher.ts';

/** How long is waited between looks at the lease of somebody else, milliseconds. */
const AGAIN_MS = 250;

/**
 * Writes what a refusal comes to, once the store takes it: a lease that is left behind in phase `called` would make a token
 * that nobody spent look spent. Rejects with `PortUnavailable` (`audit`) when it is written and not yet audited.
 */
export const persistRefused = (
  vault: Vault,
  timing: RefreshTiming,
  { user, platform, actor, tokenVersion }: RefreshRequest,
  { lease, outcome, attempt }: { lease: KeptLease; outcome: Refused; attempt: Attempt },
): Promise<CommitResult> => {
  const commit: RefreshCommit = {
    name: { user, platform },
    actor,
    tokenVersion,
    action: 'RefreshToken',
    result: RESULTS[outcome.kind],
    reason: outcome.reason,
    after: (record) =>
      withPublishedStatus({ ...record, condition: conditionAfter(record.condition, outcome, attempt) }, vault.now()),
  };
  return throughOutages(timing, () => commitRefresh(vault, lease.of.owner, commit));
};

const RESULTS: Readonly<Record<Refused['kind'], ErrorCode>> = {
  grant_dead: 'expired_token',
  application_fault: 'provider_misconfigured',
  transient: 'provider_unavailable',
  throttled: 'refresh_cooling_down',
  unknown_outcome: 'provider_unavailable',
};

/**
 * Writes credentials that the provider has issued. They may be the only ones that it takes by now: so this goes on, through
 * outages of the store and the key service and past other holders of the lease, until they are written or the connection
 * has others.
 */
export const persistRefreshed = async (
  vault: Vault,
  timing: RefreshTiming,
  request: RefreshRequest,
  { lease, outcome, refresh }: { lease: KeptLease; outcome: RefreshedCredentials; refresh: Secret },
): Promise<CommitResult> => {
  const commit = commitOf(vault, request, outcome, refresh);
  let { owner } = lease.of;
  for (;;) {
    // Written and not yet audited is written: the next look finds it so, and what is pending is drained.
    const committed = await throughOutages(timing, () => commitRefresh(vault, owner, commit), ANY_PORT);
    if (committed.kind !== 'lost') {
      outcome.access.wipe();
      outcome.refresh?.wipe();
      return committed;
    }
    const again = await takeAgain(vault, timing, request);
    if (again === null) await timing.sleep(AGAIN_MS);
    owner = again ?? owner;
  }
};

const ANY_PORT: readonly Port[] = ['storage', 'keys', 'audit'];

const commitOf = (
  vault: Vault,
  { user, platform, actor, tokenVersion }: RefreshRequest,
  outcome: RefreshedCredentials,
  refresh: Secret,
): RefreshCommit => ({
  name: { user, platform },
  actor,
  tokenVersion,
  action: 'RefreshToken',
  result: 'ok',
  reason: null,
  after: async (record, row, { nowMicros }) =>
    refreshedRecord(record, outcome, {
      key: await vault.keys.keyOf(user, row.dataKey),
      name: { user, platform },
      version: nextVersion(record.version, nowMicros),
      now: vault.now(),
      refresh,
    }),
});

/** The lease of another who came after us, once it lapses: what we hold is newer than what that one can spend. */
const takeAgain = async (
  vault: Vault,
  timing: RefreshTiming,
  { user, platform, tokenVersion }: RefreshRequest,
): Promise<string | null> => {
  const owner = vault.uuid();
  const of = { user, platform, owner, tokenVersion, ttlMs: timing.leaseMs };
  const claimed = await throughOutages(timing, () => vault.store.claim(of));
  return claimed.kind === 'claimed' ? owner : null;
};
