import { isRecord, type TokenIssued } from '@vault-engine/contracts';
import { reveal } from '@vault-engine/crypto/plaintext';
import { openFromVault } from '@vault-engine/protocol/client';
import { dateOf, type Operation } from './operation.ts';

/** The token to get. */
export interface GetTokenInput {
  readonly userId: string;
  /** The platform's id, e.g. `google-calendar`. */
  readonly platform: string;
  /** The least remaining lifetime of the token, in seconds. */
  readonly minValiditySeconds?: number | null | undefined;
  /** The `tokenVersion` that the platform has answered with 401. The vault does not issue that token again. */
  readonly rejectedVersion?: number | null | undefined;
}

/** A usable access token. Only the getter `accessToken` reveals it: JSON, spread and `util.inspect` do not. */
export class IssuedToken {
  readonly userId: string;
  readonly platform: string;
  /** RFC 6749 §7.1, e.g. `Bearer`. */
  readonly tokenType: string;
  /** When the token expires; null where unknown. */
  readonly expiresAt: Date | null;
  readonly scopes: readonly string[];
  /** Identifies these credentials; pass it as `rejectedVersion`. */
  readonly tokenVersion: number;
  /** Data stored with the token, e.g. an instance URL. */
  readonly params: Readonly<Record<string, string>>;
  /** A problem of the connection although the token is usable, e.g. `grant_lapses`; otherwise null. */
  readonly warning: string | null;
  readonly #accessToken: string;

  constructor(record: TokenIssued, accessToken: string) {
    this.userId = record.user_id;
    this.platform = record.platform;
    this.tokenType = record.token_type;
    this.expiresAt = dateOf(record.expires_at);
    this.scopes = record.scopes;
    this.tokenVersion = record.token_version;
    this.params = record.params;
    this.warning = record.warning;
    this.#accessToken = accessToken;
  }

  /** A secret: use it in the `Authorization` header, never in a log. */
  get accessToken(): string {
    return this.#accessToken;
  }
}

/** Gets a usable access token. */
export const getToken = (input: GetTokenInput): Operation<IssuedToken> => ({
  command: 'GetToken',
  reply: 'TokenIssued',
  user: input.userId,
  encode: (codec) =>
    codec.encode('GetToken', {
      user_id: input.userId,
      platform: input.platform,
      min_validity_seconds: input.minValiditySeconds ?? null,
      rejected_version: input.rejectedVersion ?? null,
    }),
  read: (reply, { keys, head }) => {
    if (!isRecord(reply, 'TokenIssued')) return null;
    const opened = openFromVault(keys, { ...head, field: 'access_token' }, reply.value.access_token);
    if (!opened.ok) return null;
    const accessToken = reveal(opened.value).toString();
    opened.value.wipe();
    return new IssuedToken(reply.value, accessToken);
  },
});
