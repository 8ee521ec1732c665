import { reveal } from '@vault-engine/crypto/plaintext';
import {
  type Call,
  type ErrorCode,
  type GetToken,
  getToken,
  type PlatformId,
  type Refresher,
  type TokenIssued,
  type UserId,
  type Vault,
} from '@vault-engine/vault';
import { callOf } from './connect.ts';

/** How a token is asked for, where it is not the simplest way. */
export interface Asking extends Partial<Pick<GetToken, 'minValiditySeconds' | 'rejectedVersion'>> {
  /** How long the caller waits, milliseconds; ten seconds where nothing is said. */
  readonly waitMs?: number;
  readonly refresher?: Pick<Refresher, 'refresh'>;
  readonly call?: Call;
}

/** What the caller was told. */
export type Told =
  | {
      readonly code: 'ok';
      readonly access: string;
      readonly tokenVersion: number;
      readonly warning: TokenIssued['warning'];
    }
  | { readonly code: ErrorCode; readonly reason: string | undefined; readonly retryAfterMs: number | undefined };

/** Asks for a token in the name of an engine. */
export const ask = async (
  vault: Vault,
  refresher: Pick<Refresher, 'refresh'>,
  { user, platform }: { readonly user: UserId; readonly platform: PlatformId },
  { minValiditySeconds = null, rejectedVersion = null, waitMs = 10_000, ...how }: Asking = {},
): Promise<Told> => {
  const command = { user, platform, minValiditySeconds, rejectedVersion };
  const answer = await getToken(vault, how.call ?? callOf('GetToken'), command, {
    refresher: how.refresher ?? refresher,
    wait: () => waitMs,
  });
  if (!answer.ok) {
    const { code, reason, retryAfterMs } = answer.failure;
    return { code, reason, retryAfterMs };
  }
  const { access, tokenVersion, warning } = answer.value;
  return { code: 'ok', access: reveal(access).toString(), tokenVersion, warning };
};
