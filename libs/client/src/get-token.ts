import { isRecord, type TokenIssued } from '@vault-engine/contracts';
import { reveal } from '@vault-engine/crypto/plaintext';
import { openFromVault } from '@vault-engine/protocol';
import { dateOf, type Operation } from './operation.ts';

/** Which token is asked for. */
export interface GetTokenInput {
  readonly userId: string;
  /** The platform's id, e.g. `google-calendar`. */
  readonly platform: string;
  /** The token has to live at least this much longer. */
  readonly minValiditySeconds?: number | null | undefined;
  /** The `tokenVersion` that the platform has just answered with a 401: that one is not handed out again. */
  readonly rejectedVersion?: number | null | undefined;
}

/** A usable access token. The token itself is read by name alone: JSON, spread and `util.inspect` miss it. */
export class IssuedToken {
  readonly userId: string;
  readonly platform: string;
  /** RFC 6749 §7.1, e.g. `Bearer`. */
  readonly tokenType: string;
  /** When the token lapses; null where nobody said. */
  readonly expiresAt: Date | null;
  readonly scopes: readonly string[];
  /** Names these credentials: for `rejectedVersion`. */
  readonly tokenVersion: number;
  /** Facts of the connection, e.g. an instance URL. */
  readonly params: Readonly<Record<string, string>>;
  /** Something to act upon although the token is usable; null where nothing is wrong. */
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

  /** A secret: for the `Authorization` header, never for a log. */
  get accessToken(): string {
    return this.#accessToken;
  }
}

/** Asks for a usable access token. */
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
