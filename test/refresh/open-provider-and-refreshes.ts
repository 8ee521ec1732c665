import { type MisbehavingProvider, misbehave, openMisbehavingProvider } from '@vault-engine/authorization-server';
import type { WrittenProfile } from '@vault-engine/platforms';
import type { UserId } from '@vault-engine/vault';
import { openRefreshes, type Refreshes, type RefreshesOptions } from './open-refreshes.ts';
import { type Kind, profileOf } from './profiles.ts';

/** Renewals, and the one provider that they go to. */
export interface ProviderAndRefreshes extends Omit<Refreshes, 'close'> {
  readonly provider: MisbehavingProvider;
  /** How often a refresh token has been sent. */
  readonly sent: (refresh: string) => number;
  readonly close: () => Promise<void>;
}

/**
 * Refuses the grant of a user at each attempt, while another user's refreshes succeed, until the refusal is believed. Answers how
 * long that took, milliseconds of the vault's clock.
 */
export const refuseUntilBelieved = async (its: ProviderAndRefreshes, user: UserId): Promise<number> => {
  const from = its.vault.now();
  await its.succeed();
  for (let attempts = 0; attempts < 20; attempts += 1) {
    its.provider.script(misbehave.invalidGrant(), misbehave.invalidGrant());
    await its.ask(user);
    const { condition } = await its.recordOf(user);
    if (condition.kind === 'dead') return its.vault.now() - from;
    if (condition.kind !== 'failing') break;
    its.pass(condition.retryAt - its.vault.now() + 1);
    await its.succeed();
  }
  throw new Error('the refusal was not believed');
};

/** What a test may have otherwise. */
export interface ProviderOptions extends Omit<RefreshesOptions, 'profile'> {
  readonly kind?: Kind;
  readonly profile?: Partial<WrittenProfile>;
  /** Seconds. */
  readonly expiresIn?: number;
}

/** Opens both. */
export const openProviderAndRefreshes = async ({
  kind = 'rejecting',
  profile = {},
  expiresIn = 3_600,
  timeoutMs = 5_000,
  ...options
}: ProviderOptions = {}): Promise<ProviderAndRefreshes> => {
  const provider = await openMisbehavingProvider({ expiresIn });
  const refreshes = await openRefreshes({ ...options, timeoutMs, profile: profileOf(provider, kind, profile) });
  return {
    ...refreshes,
    provider,
    sent: (refresh) => provider.refreshTokens().filter((token) => token === refresh).length,
    close: async () => {
      await refreshes.close();
      await provider.close();
    },
  };
};
