import type { Secret } from '@vault-engine/crypto';
import { auditOf, type Vault } from '../call.ts';
import type { ConnectionRecord } from '../model.ts';
import type { RefreshOutcome } from '../providers.ts';
import type { CommitResult } from './commit-refresh.ts';
import type { Attempt } from './decide-refresh.ts';
import type { KeptLease } from './keep-lease.ts';
import { giveBack, giveBackAnd, throughOutages } from './outages.ts';
import { persistRefreshed, persistRefused } from './persist-outcome.ts';
import type { RefreshTiming } from './refresh-connection.ts';
import type { RefreshRequest } from './refresher.ts';

/** What is spent, and the lease that allows it. */
export interface Spending {
  readonly lease: KeptLease;
  readonly record: ConnectionRecord;
  /** The caller wipes it. */
  readonly refresh: Secret;
  /** What is known before. */
  readonly attempt: Attempt;
}

/**
 * Spends a refresh token:
 * 1. the intent is in the audit log; the lease says `called`;
 * 2. the provider is asked;
 * 3. what it answered is written in one step: credentials or condition, transition, due index, and the end of the lease.
 */
export const spendRefreshToken = async (
  vault: Vault,
  timing: RefreshTiming,
  request: RefreshRequest,
  spending: Spending,
): Promise<CommitResult> => {
  const { lease, record, refresh, attempt } = spending;
  await intend(vault, request, record).catch(giveBackAnd(vault, lease.of));
  if (!(await called(vault, timing, lease))) return { kind: 'lost' };
  const askedAt = vault.now();
  const outcome = await ask(vault, timing, request, spending);
  if (outcome === null) return { kind: 'lost' };
  if (outcome.kind === 'renewed') return persistRefreshed(vault, timing, request, { lease, outcome, refresh });
  const known: Attempt = { ...attempt, askedAt, now: vault.now() };
  return persistRefused(vault, timing, request, { lease, outcome, attempt: known });
};

/** Where the answer is lost the lease may say so already, and nobody was asked: that must not look like a token spent. */
const called = async (vault: Vault, timing: RefreshTiming, lease: KeptLease): Promise<boolean> => {
  try {
    return await lease.called();
  } catch (error) {
    await throughOutages(timing, () => giveBack(vault, lease.of));
    throw error;
  }
};

const intend = async (vault: Vault, { user, platform, actor }: RefreshRequest, record: ConnectionRecord) => {
  const about = { user, platform, recordVersion: record.version };
  const entry = auditOf(vault, { ...actor, action: 'RefreshToken' }, 'started', about);
  await vault.journal.record(vault.journal.encodeAudit(entry));
};

/** Asks the provider; null: somebody else has the lease by now. A grant that is said to be dead is asked for twice. */
const ask = async (
  vault: Vault,
  timing: RefreshTiming,
  { platform }: RefreshRequest,
  { lease, record, refresh }: Spending,
): Promise<RefreshOutcome | null> => {
  const { params } = record.metadata;
  const first = await vault.providers.refresh(platform, refresh, params, lease.lost);
  if (first.kind !== 'grant_dead') return first;
  await timing.sleep(timing.confirmMs);
  if (!(await throughOutages(timing, () => lease.called()))) return null;
  return vault.providers.refresh(platform, refresh, params, lease.lost);
};
