import { statusText } from '@vault-engine/model';
import type { Vault } from '../call.ts';
import type { ConnectionRecord, Lease } from '../connection-record.ts';
import type { RecordName } from '../credentials.ts';
import { status, withPublishedStatus } from '../status.ts';
import type { LeaseOf } from '../token-store.ts';
import { commitRefresh } from './commit.ts';
import { mayRefresh } from './judge-answer.ts';
import { giveBackAnd } from './lease.ts';
import type { DueResult, RefreshActor, RefreshAnswer, RefreshRequest } from './refresh-request.ts';
import { attentionAt, refreshAt } from './schedule.ts';

/** What processing a due connection needs, beside the vault. */
export interface ProcessDueParts {
  readonly leaseMs: number;
  readonly refresh: (request: RefreshRequest) => Promise<RefreshAnswer>;
}

const DAY_MS = 86_400_000;
const ITSELF: RefreshActor = { engine: 'refresh-scheduler', eventEngine: null, requestId: null, keyId: null };

/** Does what is due for a connection, and sets when it is due next. */
export const processDue = async (
  vault: Vault,
  parts: ProcessDueParts,
  name: RecordName,
  forced: boolean,
): Promise<DueResult> => {
  const { record } = await vault.store.readConnection(name.user, name.platform);
  if (record === null) return { kind: 'gone' };
  const terms = vault.providers.terms(name.platform);
  const now = vault.now();
  if (forced && mayRefresh(record, terms, now, true).kind === 'yes') return refreshed(vault, parts, name, record, true);
  const renewal = refreshAt(record, terms);
  if (renewal !== null && renewal <= now) {
    const may = mayRefresh(record, terms, now, false);
    if (may.kind === 'later') return later(vault, name, may.retryAfterMs, { kind: 'nothing' });
    if (may.kind === 'yes') return refreshed(vault, parts, name, record, false);
  }
  if (eventIsDue(record, now)) return publishStatus(vault, parts, name, record);
  return nothing(vault, name, record);
};

/** It is looked at once a day, because its profile may have changed by then. */
const nothing = (vault: Vault, name: RecordName, record: ConnectionRecord): Promise<DueResult> => {
  const now = vault.now();
  const at = attentionAt(record, vault.providers.terms(name.platform), now) ?? now + DAY_MS;
  return later(vault, name, at - now, { kind: 'nothing' });
};

const eventIsDue = (record: ConnectionRecord, now: number): boolean =>
  record.lastPublishedStatus !== statusText(status(record, now));

const later = async (vault: Vault, name: RecordName, inMs: number, processed: DueResult): Promise<DueResult> => {
  await vault.store.postpone({ ...name, dueAt: Math.ceil(vault.now() + inMs) });
  return processed;
};

const refreshed = async (
  vault: Vault,
  { refresh }: ProcessDueParts,
  name: RecordName,
  { tokenVersion }: ConnectionRecord,
  forced: boolean,
): Promise<DueResult> => {
  const answer = await refresh({ ...name, tokenVersion, forced, actor: ITSELF });
  switch (answer.kind) {
    case 'kept':
      return { kind: answer.record.condition.kind === 'dead' ? 'dead' : 'failed' };
    case 'later':
      return later(
        vault,
        name,
        answer.retryAfterMs,
        answer.limit === 'rate' ? { kind: 'throttled', retryAfterMs: answer.retryAfterMs } : { kind: 'nothing' },
      );
    case 'renewed':
    case 'busy':
    case 'gone':
      return { kind: answer.kind };
  }
};

/** Under the lease, because a put would end the lease of a process that refreshes the connection just now. */
const publishStatus = async (
  vault: Vault,
  parts: ProcessDueParts,
  name: RecordName,
  { tokenVersion }: ConnectionRecord,
): Promise<DueResult> => {
  const of = { ...name, owner: vault.uuid() };
  const claimed = await vault.store.claim({ ...of, tokenVersion, ttlMs: parts.leaseMs });
  if (claimed.kind === 'held') return { kind: 'busy' };
  if (claimed.kind === 'changed') return later(vault, name, 0, { kind: 'nothing' });
  return publishStatusUnderLease(vault, parts, of, claimed.before).catch(giveBackAnd(vault, of));
};

const publishStatusUnderLease = async (
  vault: Vault,
  parts: ProcessDueParts,
  of: LeaseOf,
  before: Lease | null,
): Promise<DueResult> => {
  const name = { user: of.user, platform: of.platform };
  const { record } = await vault.store.readConnection(name.user, name.platform);
  const now = vault.now();
  if (record === null || !eventIsDue(record, now)) {
    await vault.store.release(of);
    return record === null ? { kind: 'gone' } : nothing(vault, name, record);
  }
  if (
    before?.phase === 'called' &&
    mayRefresh(record, vault.providers.terms(name.platform), now, true).kind === 'yes'
  ) {
    // A process died in phase `called`. The status depends on what the refresh token is worth now, so that is found out first.
    await vault.store.release(of);
    return refreshed(vault, parts, name, record, true);
  }
  const committed = await commitRefresh(vault, of.owner, {
    name,
    actor: ITSELF,
    tokenVersion: record.tokenVersion,
    action: 'TellState',
    result: 'ok',
    reason: null,
    after: (current) => withPublishedStatus(current, vault.now()),
  });
  return committed.kind === 'written' ? { kind: 'told' } : later(vault, name, 0, { kind: 'nothing' });
};
