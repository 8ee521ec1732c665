import { type MisbehavingProvider, openMisbehavingProvider } from '@vault-engine/authorization-server';
import type { WrittenProfile } from '@vault-engine/platforms';
import { openRefreshes, type Refreshes, type RefreshesOptions } from './open-refreshes.ts';
import { type Kind, profileOf } from './profiles.ts';

/** Renewals, and the one provider that they go to. */
export interface ProviderAndRefreshes extends Omit<Refreshes, 'close'> {
  readonly provider: MisbehavingProvider;
  /** How often a refresh token has been sent. */
  readonly sent: (refresh: string) => number;
  readonly close: () => Promise<void>;
}

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
