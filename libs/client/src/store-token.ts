import { isRecord } from '@vault-engine/contracts';
import { secretOf } from '@vault-engine/crypto/plaintext';
import { sealForVault } from '@vault-engine/protocol/client';
import { type CommandContext, millisOf, type Operation } from './operation.ts';

/** The credentials of a connection. */
export interface StoreTokenInput {
  readonly userId: string;
  /** The platform's id, e.g. `google-calendar`. */
  readonly platform: string;
  readonly accessToken: string;
  readonly refreshToken?: string | null | undefined;
  /** When the access token expires: a date, or Unix milliseconds. Null or absent: unknown. */
  readonly expiresAt?: Date | number | null | undefined;
  /** The scopes that the provider granted. */
  readonly scopes: readonly string[];
  /** RFC 6749 §7.1. Default `Bearer`. */
  readonly tokenType?: string | undefined;
  /** When the refresh token expires: a date, or Unix milliseconds. Null or absent: unknown. */
  readonly refreshExpiresAt?: Date | number | null | undefined;
  /** Data that callers need together with the token, e.g. an instance URL. Never a secret. */
  readonly params?: Readonly<Record<string, string>> | undefined;
  /** The flow that this completes. The platform's open flow is closed even without it. */
  readonly flowId?: string | null | undefined;
  /**
   * Whether the credentials may belong to another account of the platform than the connection's. If false, and the vault
   * can identify the account, such credentials are refused with `account_mismatch`. Default `false`.
   */
  readonly allowAccountChange?: boolean | undefined;
}

/** The result of `storeToken`. */
export interface StoredToken {
  readonly userId: string;
  readonly platform: string;
  /** Identifies these credentials; changes whenever they change. */
  readonly tokenVersion: number;
  /** The user's revision after the change. */
  readonly revision: number;
}

/** Stores a connection's credentials and replaces earlier ones. The tokens are sealed in the command. */
export const storeToken = (input: StoreTokenInput): Operation<StoredToken> => ({
  command: 'StoreToken',
  reply: 'TokenStored',
  user: input.userId,
  encode: (codec, context) =>
    codec.encode('StoreToken', {
      user_id: input.userId,
      platform: input.platform,
      access_token: seal(context, input, 'access_token', input.accessToken),
      refresh_token: input.refreshToken == null ? null : seal(context, input, 'refresh_token', input.refreshToken),
      expires_at: millisOf(input.expiresAt),
      scopes: input.scopes,
      token_type: input.tokenType ?? 'Bearer',
      refresh_expires_at: millisOf(input.refreshExpiresAt),
      params: input.params ?? {},
      flow_id: input.flowId ?? null,
      allow_account_change: input.allowAccountChange ?? false,
    }),
  read: (reply) =>
    isRecord(reply, 'TokenStored')
      ? {
          userId: reply.value.user_id,
          platform: reply.value.platform,
          tokenVersion: reply.value.token_version,
          revision: reply.value.revision,
        }
      : null,
});

const seal = (
  { keys, topic, commandId }: CommandContext,
  { userId: user, platform }: StoreTokenInput,
  field: string,
  token: string,
): Buffer => {
  const secret = secretOf(Buffer.from(token));
  const sealed = sealForVault(keys, { topic, commandId, commandType: 'StoreToken', user, platform, field }, secret);
  secret.wipe();
  return sealed;
};
