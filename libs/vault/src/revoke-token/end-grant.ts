import type { Secret } from '@vault-engine/crypto';
import { type AuditResult, auditOf, type Call, type DeadlineBudget, type Vault } from '../call.ts';
import type { ConnectionRecord, UserRow } from '../connection-record.ts';
import { openAccess, openRefresh, RecordCorrupt, type RecordName } from '../credentials.ts';
import type { RevokeOutcome } from '../providers.ts';

/** The result of ending a grant. */
export interface GrantEnd {
  /** `failed`: the grant may live on. */
  readonly outcome: RevokeOutcome['kind'];
  /** Why it failed, from a closed list; null: it did not. */
  readonly reason: string | null;
}

/** The parts that end a grant. */
export interface EndingParts extends Pick<Vault, 'keys' | 'journal' | 'now' | 'uuid'> {
  readonly store: Pick<Vault['store'], 'readConnection' | 'claim'>;
  readonly providers: Pick<Vault['providers'], 'terms' | 'revoke' | 'refreshTimeoutMs'>;
}

/**
 * Ends the grant of a connection at its provider, before the connection and its tokens are deleted. If the process dies in
 * between, the command comes again, and revoking a revoked token does no harm (RFC 7009 §2.2).
 *
 * 1. It takes the connection's lease, so that no refresh gets new tokens meanwhile. It waits for a refresh under way, but not
 *    for long.
 * 2. It audits the intent, asks the provider, and audits the result.
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

/** How often, and after how many milliseconds, the lease of a connection under refresh is tried. */
const LOOKS = 20;
const LOOK_MS = 100;
/** The time under the lease beside the provider's, milliseconds. */
const DELETE_MS = 5_000;

/**
 * The connection under the lease, or without it if another process keeps it. The command's id is the owner, so that the next
 * attempt of the same command has the lease already, also in another process. The deletion ends the lease.
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

/** Null: they do not open. The connection is deleted all the same. */
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
  { providers, now }: EndingParts,
  { platform }: RecordName,
  { metadata, grant }: ConnectionRecord,
  tokens: Tokens,
  deadlineBudget: DeadlineBudget,
): Promise<RevokeOutcome> => {
  const accessExpired = metadata.expiresAt !== null && metadata.expiresAt <= now();
  const ask = () => providers.revoke(platform, { ...tokens, accessExpired }, metadata.params, grant.client ?? null);
  try {
    return await deadlineBudget.within(ask, NO_ANSWER);
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
