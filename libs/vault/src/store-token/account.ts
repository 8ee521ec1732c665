import { createHash } from 'node:crypto';
import { canon } from '@vault-engine/crypto';
import type { PlatformId } from '@vault-engine/model';
import type { DeadlineBudget, Vault } from '../call.ts';
import type { Credentials } from '../credentials.ts';
import type { Identified } from '../providers.ts';

/** Whose account of a platform new credentials are of. */
export type Whose =
  | { readonly kind: 'known'; readonly account: string }
  /** The provider could not be asked, or did not say. */
  | { readonly kind: 'unknown' }
  /** There is nobody to ask: the platform has no way, or nobody here is registered with it. */
  | { readonly kind: 'unasked' };

/** Asks the provider whose access token it is. The account itself is kept nowhere: only its digest is compared. */
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

/** What a connection remembers of its account, in hex. */
export const accountDigest = (platform: PlatformId, account: string): string =>
  createHash('sha256')
    .update(canon('VE/account/v1', platform, account))
    .digest('hex');

/**
 * The digest that a connection has with its new credentials; `mismatch`: they are of another account than the earlier ones,
 * and nobody said that they may be. Where nobody can tell, they count as the earlier account's, unless they may be another's.
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
