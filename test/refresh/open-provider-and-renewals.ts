import { type MisbehavingProvider, openMisbehavingProvider } from '@vault-engine/authorization-server';
import type { WrittenProfile } from '@vault-engine/platforms';
import { openRenewals, type Renewals, type RenewalsOptions } from './open-renewals.ts';
import { type Kind, profileOf } from './profiles.ts';

/** Renewals, and the one provider that they go to. */
export interface ProviderAndRenewals extends Omit<Renewals, 'close'> {
  readonly provider: MisbehavingProvider;
  /** How often a refresh token has been sent. */
  readonly sent: (refresh: string) => number;
  readonly close: () => Promise<void>;
}

/** What a test may have otherwise. */
export interface ProviderOptions extends Omit<RenewalsOptions, 'profile'> {
  readonly kind?: Kind;
  readonly profile?: Partial<WrittenProfile>;
  /** Seconds. */
  readonly expiresIn?: number;
}

/** Opens both. */
export const openProviderAndRenewals = async ({
  kind = 'rejecting',
  profile = {},
  expiresIn = 3_600,
  timeoutMs = 5_000,
  ...options
}: ProviderOptions = {}): Promise<ProviderAndRenewals> => {
  const provider = await openMisbehavingProvider({ expiresIn });
  const renewals = await openRenewals({ ...options, timeoutMs, profile: profileOf(provider, kind, profile) });
  return {
    ...renewals,
    provider,
    sent: (refresh) => provider.refreshTokens().filter((token) => token === refresh).length,
    close: async () => {
      await renewals.close();
      await provider.close();
    },
  };
};
