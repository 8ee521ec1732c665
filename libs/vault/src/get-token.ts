import type { Secret } from '@vault-engine/crypto';
import { type Answer, auditOf, type Call, refuse, type Vault } from './call.ts';
import { openAccess, RecordCorrupt } from './credentials.ts';
import type { ConnectionMetadata, ConnectionRecord, PlatformId, UserId, UserRow } from './model.ts';

/** What `GetToken` asks for. */
export interface GetToken {
  readonly user: UserId;
  readonly platform: PlatformId;
  /** The token has to live at least this much longer, in seconds. */
  readonly minValiditySeconds: number | null;
  /** The `tokenVersion` that the platform answered with a 401. */
  readonly rejectedVersion: number | null;
}

/** What `GetToken` answers. The refresh token is not part of it. */
export interface TokenIssued {
  readonly platform: PlatformId;
  readonly access: Secret;
  readonly metadata: ConnectionMetadata;
  readonly tokenVersion: number;
}

/** Hands out a usable access token. Reads only. */
export const getToken = async (vault: Vault, call: Call, command: GetToken): Promise<Answer<TokenIssued>> => {
  const { user: row, record } = await vault.store.readConnection(command.user, command.platform);
  if (row === null || record === null) {
    return vault.platforms.displayName(command.platform) === null
      ? refuse('invalid_request', 'there is no such platform', 'unknown_platform')
      : refuse('not_connected', 'the user has no connection on this platform');
  }
  const unusable = whyUnusable(command, record, vault.now());
  if (unusable !== null)
    return refuse('expired_token', 'the access token is no longer usable: the user has to connect again', unusable);
  return issue(vault, call, command, row, record);
};

const whyUnusable = (command: GetToken, record: ConnectionRecord, now: number): string | null => {
  const { expiresAt } = record.metadata;
  const validUntil = now + (command.minValiditySeconds ?? 0) * 1_000;
  if (command.rejectedVersion === record.tokenVersion) return 'rejected_by_platform';
  return expiresAt !== null && expiresAt <= validUntil ? 'access_token_expired' : null;
};

const issue = async (
  vault: Vault,
  call: Call,
  command: GetToken,
  row: UserRow,
  record: ConnectionRecord,
): Promise<Answer<TokenIssued>> => {
  const { user, platform } = command;
  const key = await vault.keys.keyOf(user, row.dataKey);
  try {
    const access = openAccess(key, { user, platform }, record);
    return {
      ok: true,
      value: { platform, access, metadata: record.metadata, tokenVersion: record.tokenVersion },
      audit: auditOf(vault, call, 'ok', { user, platform, recordVersion: record.version }),
    };
  } catch (error) {
    if (error instanceof RecordCorrupt) return refuse('internal', 'the stored token does not open', 'record_corrupt');
    throw error;
  }
};
