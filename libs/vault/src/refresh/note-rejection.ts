import type { Vault } from '../call.ts';
import type { ConnectionRecord, Rejection, UserRow } from '../connection-record.ts';
import { openAccess, type RecordName } from '../credentials.ts';
import { rejectionOf, withPublishedStatus } from '../status.ts';
import { commitRefresh } from './commit.ts';
import { giveBackAnd } from './lease.ts';
import type { RefreshActor } from './refresh-request.ts';

/** After so long the same engine's report confirms itself, milliseconds. */
const CONFIRM_AFTER_MS = 10 * 60_000;
/** After so many newborn access tokens in a row were rejected, refreshes do not help any more, for this time (milliseconds). */
const DEAD_AT_BIRTH = { tokens: 3, forMs: 3_600_000 };
const LEASE_MS = 5_000;

/** Whether refreshes go on bringing access tokens that the platform rejects at once: the next rejection is not answered by one more. */
export const isDeadAtBirth = (record: ConnectionRecord, now: number): boolean =>
  (record.grant.deadAtBirth ?? 0) >= DEAD_AT_BIRTH.tokens && now - record.storedAt < DEAD_AT_BIRTH.forMs;

/**
 * Writes down that an engine calls the current access token rejected, where no refresh replaces it. One report is a suspicion: other
 * engines get the token with a warning. It is confirmed by the provider's identity endpoint, by a second engine, or by the same engine
 * after a time; then nobody gets the token, and the status says so. A provider that accepts the token disproves the report, and
 * nothing is written. Answers the connection as it is then. Rejects with `PortUnavailable`.
 */
export const noteRejection = async (
  vault: Vault,
  name: RecordName,
  actor: RefreshActor,
  row: UserRow,
  record: ConnectionRecord,
): Promise<ConnectionRecord> => {
  const earlier = rejectionOf(record);
  if (earlier?.confirmedAt !== undefined) return record;
  const accepted = await isAccepted(vault, name, row, record);
  if (accepted === true) return record;
  const rejection = rejectionAfter(earlier, record, actor.engine, accepted === false, vault.now());
  return rejection === earlier ? record : write(vault, name, actor, record, rejection);
};

/** Whether the provider accepts the access token; null: it can't be asked, or does not say. */
const isAccepted = async (
  { providers, keys }: Vault,
  name: RecordName,
  row: UserRow,
  record: ConnectionRecord,
): Promise<boolean | null> => {
  if (providers.terms(name.platform) === null) return null;
  const access = openAccess(await keys.keyOf(name.user, row.dataKey), name, record);
  try {
    const identified = await providers.identify(name.platform, access, record.metadata.params);
    if (identified.ok) return identified.value === null ? null : true;
    return identified.reason === 'refused' ? false : null;
  } finally {
    access.wipe();
  }
};

const rejectionAfter = (
  earlier: Rejection | null,
  { tokenVersion: version }: ConnectionRecord,
  engine: string,
  isRefused: boolean,
  now: number,
): Rejection => {
  if (earlier === null) return { version, engine, at: now, ...(isRefused && { confirmedAt: now }) };
  const confirms = isRefused || earlier.engine !== engine || now - earlier.at >= CONFIRM_AFTER_MS;
  return confirms ? { ...earlier, confirmedAt: now } : earlier;
};

/** Under the lease, because a put would end the lease of a process that refreshes the connection just now. */
const write = async (
  vault: Vault,
  name: RecordName,
  actor: RefreshActor,
  record: ConnectionRecord,
  rejection: Rejection,
): Promise<ConnectionRecord> => {
  const of = { ...name, owner: vault.uuid() };
  const claimed = await vault.store.claim({ ...of, tokenVersion: record.tokenVersion, ttlMs: LEASE_MS });
  if (claimed.kind !== 'claimed') return record;
  if (claimed.before?.phase === 'called') {
    await vault.store.release(of);
    return record;
  }
  const committed = await commitRefresh(vault, of.owner, {
    name,
    actor,
    tokenVersion: record.tokenVersion,
    action: 'NoteRejection',
    result: 'ok',
    reason: rejection.confirmedAt === undefined ? 'rejection_reported' : 'rejection_confirmed',
    after: (current) => withPublishedStatus(rejected(current, rejection, vault.now()), vault.now()),
  }).catch(giveBackAnd(vault, of));
  return committed.kind === 'written' ? committed.record : record;
};

/** A connection whose newborn tokens are rejected again and again needs its user: the session behind them has ended. */
const rejected = (record: ConnectionRecord, rejection: Rejection, now: number): ConnectionRecord => ({
  ...record,
  grant: { ...record.grant, rejection },
  ...(rejection.confirmedAt !== undefined &&
    isDeadAtBirth(record, now) && {
      condition: { kind: 'dead' as const, reason: 'grant_refused' as const, since: now },
    }),
});
