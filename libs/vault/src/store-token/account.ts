import { createHash } from 'node:crypto';
import { canon } from '@vault-engine/crypto';
import type { PlatformId } from '@vault-engine/model';
import type { DeadlineBudget, Vault } from '../call.ts';
import type { Credentials } from '../credentials.ts';
import type { Identified } from '../providers.ts';

/** The upstream account of new credentials. */
export type Whose =
  | { readonly kind: 'known'; readonly account: string }
  /** The provider did not answer. */
  | { readonly kind: 'unknown' }
  /** The platform has no identity endpoint, or no client is configured. */
  | { readonly kind: 'unasked' };

/** Asks the provider whose access token it is. Only a digest of the account is kept. */
export const whoseAccount = async (
  providers: Pick<Vault['providers'], 'terms' | 'identify'>,
  platform: PlatformId,
  { access, metadata }: Credentials,
  deadlineBudget: DeadlineBudget,
): Promise<Whose> => {
  if (providers.terms(platform) === null) return { kind: 'unasked' };
  const identified = await deadlineBudget.within(
    () => providers.identify(platform, access, metadata.params),
    NO_ANSWER,
  );
  if (!identified.ok) return { kind: 'unknown' };
  return identified.value === null
    ? { kind: 'unasked' }
    : { kind: 'known', account: accountDigest(platform, identified.value) };
};

const NO_ANSWER: Identified = { ok: false, reason: 'no_answer' };

/** The digest of an account, hex. */
export const accountDigest = (platform: PlatformId, account: string): string =>
  createHash('sha256')
    .update(canon('VE/account/v1', platform, account))
    .digest('hex');

/**
 * The account digest of a connection with new credentials. `mismatch`: they belong to another account and the caller does not
 * allow that. Credentials of an unknown account count as the earlier account's, unless the caller allows a change.
 */
export const accountAfter = (
  earlier: string | null,
  whose: Whose,
  mayChange: boolean,
): { readonly kind: 'account'; readonly account: string | null } | { readonly kind: 'mismatch' } => {
  if (whose.kind !== 'known') return { kind: 'account', account: mayChange ? null : earlier };
  return mayChange || earlier === null || earlier === whose.account
    ? { kind: 'account', account: whose.account }
    : { kind: 'mismatch' };
};
