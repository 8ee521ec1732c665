import type { Secret } from '@vault-engine/crypto';
import { type AuditResult, auditOf, type Call, type DeadlineBudget, type Vault } from '../call.ts';
import type { ConnectionRecord, UserRow } from '../connection-record.ts';
import { openAccess, openRefresh, RecordCorrupt, type RecordName } from '../credentials.ts';
import type { RevokeOutcome } from '../providers.ts';

/** What became of a grant at its provider. */
export interface GrantEnd {
  /** `failed`: it may live on there. */
  readonly outcome: RevokeOutcome['kind'];
  /** Why it failed, from a closed list; null where it did not. */
  readonly reason: string | null;
}

/** What ending a grant takes of the vault. */
export interface EndingParts extends Pick<Vault, 'keys' | 'journal' | 'now' | 'uuid'> {
  readonly store: Pick<Vault['store'], 'readConnection' | 'claim'>;
  readonly providers: Pick<Vault['providers'], 'terms' | 'revoke' | 'refreshTimeoutMs'>;
}

/**
 * Ends the grant of a connection at its provider, before the connection is deleted: afterwards nobody would have a token to
 * do it with. Whoever dies in between leaves a connection whose command comes again, and to end what has ended does no harm
 * (RFC 7009 §2.2).
 *
 * 1. The connection's lease is taken, so that no refresh gets a new token past the end of the old; a refresh that is under
 *    way is waited for, but not for long.
 * 2. The intent is audited, then the provider is asked, then what it came to is audited.
 *
 * Null: the connection is gone. Rejects with `PortUnavailable` of the vault's own parts only; a provider's failure is an
 * answer.
 */
export const endGrant = async (
  vault: EndingParts,
  call: Call,
  name: RecordName,
  deadlineBudget: DeadlineBudget,
): Promise<GrantEnd | null> => {
  if (vault.providers.terms(name.platform) === null) return NOT_SUPPORTED;
  const found = await takeLease(vault, call, name, deadlineBudget);
  if (found === null) return null;
  const note = (result: AuditResult, reason: string | null) => audit(vault, call, name, found.record, result, reason);
  await note('started', null);
  const tokens = await openTokens(vault, name, found);
  const end = tokens === null ? UNREADABLE : endOf(await revoke(vault, name, found.record, tokens, deadlineBudget));
  await note(resultOf(end), end.outcome === 'not_supported' ? end.outcome : end.reason);
  return end;
};

const NOT_SUPPORTED: GrantEnd = { outcome: 'not_supported', reason: null };
const UNREADABLE: GrantEnd = { outcome: 'failed', reason: 'token_unreadable' };

interface Found {
  readonly user: UserRow;
  readonly record: ConnectionRecord;
}

/** How often, and after how many milliseconds, a connection is looked at that is being refreshed. */
const LOOKS = 20;
const LOOK_MS = 100;
/** What is done under the lease beside asking the provider, milliseconds. */
const DELETE_MS = 5_000;

/**
 * The connection as it is under the lease; as it is, where another keeps the lease. The command's id is the owner: its
 * next attempt, also in another process, has the lease already. The deletion ends it.
 */
const takeLease = async (
  { store, providers }: EndingParts,
  { requestId: owner }: Call,
  name: RecordName,
  { sleep }: DeadlineBudget,
): Promise<Found | null> => {
  const ttlMs = providers.refreshTimeoutMs + DELETE_MS;
  for (let look = 1; ; look += 1) {
    const { user, record } = await store.readConnection(name.user, name.platform);
    if (user === null || record === null) return null;
    const claimed = await store.claim({ ...name, owner, tokenVersion: record.tokenVersion, ttlMs });
    if (claimed.kind === 'claimed' || look === LOOKS) return { user, record };
    if (claimed.kind === 'held') await sleep(LOOK_MS);
  }
};

interface Tokens {
  readonly access: Secret;
  readonly refresh: Secret | null;
}

/** Null: they do not open, which keeps nobody from deleting them. */
const openTokens = async ({ keys }: EndingParts, name: RecordName, { user, record }: Found): Promise<Tokens | null> => {
  const key = await keys.keyOf(name.user, user.dataKey);
  try {
    return { access: openAccess(key, name, record), refresh: openRefresh(key, name, record) };
  } catch (error) {
    if (error instanceof RecordCorrupt) return null;
    throw error;
  }
};

const revoke = async (
  { providers }: EndingParts,
  { platform }: RecordName,
  { metadata }: ConnectionRecord,
  tokens: Tokens,
  deadlineBudget: DeadlineBudget,
): Promise<RevokeOutcome> => {
  try {
    return await deadlineBudget.within(() => providers.revoke(platform, tokens, metadata.params), NO_ANSWER);
  } finally {
    tokens.access.wipe();
    tokens.refresh?.wipe();
  }
};

const NO_ANSWER: RevokeOutcome = { kind: 'failed', reason: 'no_answer' };

const endOf = (outcome: RevokeOutcome): GrantEnd => ({
  outcome: outcome.kind,
  reason: outcome.kind === 'failed' ? outcome.reason : null,
});

const resultOf = ({ outcome, reason }: GrantEnd): AuditResult => {
  if (outcome !== 'failed') return 'ok';
  if (reason === UNREADABLE.reason) return 'internal';
  return reason === 'client_refused' ? 'provider_misconfigured' : 'provider_unavailable';
};

const audit = async (
  vault: EndingParts,
  call: Call,
  name: RecordName,
  { version: recordVersion }: ConnectionRecord,
  result: AuditResult,
  reason: string | null,
): Promise<void> => {
  const about = { ...name, recordVersion, ...(reason !== null && { reason }) };
  const entry = auditOf(vault, { ...call, action: 'RevokeGrant' }, result, about);
  await vault.journal.record(vault.journal.encodeAudit(entry));
};
