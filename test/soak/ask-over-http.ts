import { type CallOptions, VaultError } from '@vault-engine/client';
import type { Callers } from '../faults/traffic.ts';
import type { TestVault } from '../flow/open-vault.ts';

/** The same callers as over Kafka, by way of the gateway. */
export const callersOverHttp = (vault: TestVault): Callers => {
  const [write, read] = [askAs(vault, 'action'), askAs(vault, 'sync')];
  return {
    writer: {
      storeToken: async ({ userId, platform, accessToken, expiresAt, scopes }, how) => {
        const answer = await write<StoredBody>('store_token', how, {
          user_id: userId,
          platform,
          access_token: accessToken,
          expires_at: expiresAt == null ? null : Math.floor(Number(expiresAt) / 1_000),
          scopes,
        });
        return { userId, platform, tokenVersion: answer.token_version, revision: answer.revision };
      },
      revokeToken: async ({ userId, platform }, how) => {
        const answer = await write<RevokedBody>('revoke_token', how, { user_id: userId, platform });
        const { revision, provider_outcome: providerOutcome, provider_reason: providerReason } = answer;
        return { userId, platform, revision, providerOutcome, providerReason };
      },
      forgetUser: async ({ userId }, how) => {
        const { connections } = await write<ForgottenBody>('forget_user', how, { user_id: userId });
        return { userId, connections };
      },
    },
    reader: {
      getToken: async ({ userId, platform }, how) => {
        const answer = await read<TokenBody>('get_token', how, { user_id: userId, platform });
        return { accessToken: answer.access_token };
      },
      getStatus: async ({ userId }, how) => {
        const { connected_platforms } = await read<StatusBody>('get_status', how, { user_id: userId });
        const platforms = connected_platforms.map(({ platform_id: platform, status }) => ({
          platform,
          status: status === 'active' ? 'CONNECTED' : status,
        }));
        return { platforms };
      },
    },
  };
};

// What is read of the gateway's answers; /openapi.json has the whole of them.
type RevokedBody = {
  readonly revision: number;
  readonly provider_outcome: string | null;
  readonly provider_reason: string | null;
};
type StoredBody = { readonly revision: number; readonly token_version: number };
type ForgottenBody = { readonly connections: number };
type TokenBody = { readonly access_token: string };
type StatusBody = {
  readonly connected_platforms: readonly { readonly platform_id: string; readonly status: string }[];
};
type ErrorBody = { readonly error_code: string; readonly message: string; readonly retry_after_ms?: number };

type Ask = <Body>(route: string, how: CallOptions | undefined, body: object) => Promise<Body>;

/** Longer than the gateway waits for the vault. */
const GIVE_UP_MS = 10_000;

const askAs = ({ gateway, engines }: TestVault, engine: string): Ask => {
  const key = engines[engine]?.key ?? '';
  return async <Body>(route: string, how: CallOptions | undefined, body: object) => {
    const headers = {
      'content-type': 'application/json',
      'x-engine-id': engine,
      'x-engine-key': key,
      ...(how?.idempotencyKey === undefined ? {} : { 'idempotency-key': how.idempotencyKey }),
    };
    const signal = AbortSignal.timeout(GIVE_UP_MS);
    const response = await fetch(`${gateway}/${route}`, {
      method: 'POST',
      headers,
      signal,
      body: JSON.stringify(body),
    }).catch(unreachable);
    if (response.ok) return (await response.json().catch(unreachable)) as Body; // the type that the route answers with
    const { error_code, message, retry_after_ms } = (await response.json().catch(unreachable)) as ErrorBody;
    throw new VaultError(error_code, message, { retryAfterMs: retry_after_ms ?? null });
  };
};

const unreachable = (cause: unknown): never => {
  throw new VaultError('gateway_unreachable', 'the gateway does not answer', { cause, suggestedAction: 'retry' });
};
