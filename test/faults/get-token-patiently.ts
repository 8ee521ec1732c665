import { setTimeout as sleep } from 'node:timers/promises';
import { type IssuedToken, type VaultClient, VaultError } from '@vault-engine/client';

/** What a caller got in the end. */
export interface Got {
  /** The token; null: none. */
  readonly issued: IssuedToken | null;
  /** Why there is none: a code that no repetition helps against, or that of the last attempt. */
  readonly code: string | null;
  /** The codes of the retryable errors before. */
  readonly errors: readonly string[];
  readonly tookMs: number;
}

const RETRY_AFTER_MS = 100;

/** Asks as every engine should: what is retryable is asked again when the vault says, until `giveUpMs` are over. */
export const getTokenPatiently = async (
  client: Pick<VaultClient, 'getToken'>,
  input: Parameters<VaultClient['getToken']>[0],
  giveUpMs = 60_000,
): Promise<Got> => {
  const asked = performance.now();
  const errors: string[] = [];
  const tookMs = () => performance.now() - asked;
  for (;;) {
    try {
      return { issued: await client.getToken(input), code: null, errors, tookMs: tookMs() };
    } catch (error) {
      if (!(error instanceof VaultError)) throw error;
      if (!error.retryable || tookMs() > giveUpMs) return { issued: null, code: error.code, errors, tookMs: tookMs() };
      errors.push(error.code);
      await sleep(error.retryAfterMs ?? RETRY_AFTER_MS);
    }
  }
};
