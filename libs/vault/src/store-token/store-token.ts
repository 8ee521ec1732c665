import { type DataKey, metadataHash, type Secret } from '@vault-engine/crypto';
import { reveal } from '@vault-engine/crypto/plaintext';
import type { PlatformId, UserId } from '@vault-engine/model';
import { type Call, type DeadlineBudget, refuse, type Vault } from '../call.ts';
import { type Decision, type Mutation, nextVersion } from '../change/change.ts';
import { commandDigest, dedupeId } from '../change/dedupe.ts';
import type { Condition, ConnectionRecord, WrappedDataKey } from '../connection-record.ts';
import {
  type Credentials,
  openRefresh,
  RecordCorrupt,
  type SealedCredentials,
  sealCredentials,
} from '../credentials.ts';
import { attentionAt } from '../refresh/schedule.ts';
import { status, withPublishedStatus } from '../status.ts';
import type { UserView } from '../token-store.ts';
import { accountAfter, type Whose, whoseAccount } from './account.ts';
import { expiryOf } from './jwt-expiry.ts';

/** The `StoreToken` command. */
export interface StoreToken extends Credentials {
  readonly user: UserId;
  readonly platform: PlatformId;
  /** Whether the credentials may belong to another account than the connection's. */
  readonly allowAccountChange: boolean;
}

/** The answer of `StoreToken`. */
export interface TokenStored {
  readonly platform: PlatformId;
  readonly tokenVersion: number;
  readonly revision: number;
}

/** The parts that `StoreToken` uses. */
interface StoringParts extends Pick<Vault, 'platforms' | 'keys' | 'now'> {
  readonly providers: Pick<Vault['providers'], 'terms' | 'clientId' | 'identify'>;
}

/**
 * Stores credentials in place of the connection's earlier ones, and closes the open flow on the platform. Precondition:
 * {@link checkCredentials} has accepted them. If the provider says whose they are, that has to be the connection's account.
 *
 * If they are shown to be of the connection's account, what the command does not name stays: parameters, and the refresh token
 * of a command without one. Many providers issue a refresh token with the first consent only. Where nobody can say whose the
 * credentials are, nothing stays: the refresh token of one account would replace the access token of another.
 */
export const storeToken = (
  vault: StoringParts,
  call: Call,
  command: StoreToken,
  deadlineBudget: DeadlineBudget,
): Mutation<TokenStored> => {
  let asked: Promise<Whose> | null = null;
  /** Asks once, however often `decide` runs. */
  const whose = (): Promise<Whose> => {
    asked ??= whoseAccount(vault.providers, command.platform, command, deadlineBudget);
    return asked;
  };
  return {
    user: command.user,
    platform: command.platform,
    dedupeId: dedupeId(call, command.user),
    digest: digestOf(call, command),
    decide: (view) => decide(vault, command, view, whose),
    recalled: (value) => value as TokenStored, // written by `change` from a TokenStored
  };
};

/** A field that was added later is only in the digest when it is set, so that earlier versions made the same digests. */
const digestOf = (call: Call, command: StoreToken): Buffer => {
  const { user, platform, access, refresh, metadata } = command;
  return commandDigest(
    call,
    user,
    platform,
    reveal(access),
    ...(refresh === null ? [] : [reveal(refresh)]),
    metadataHash(metadata),
    ...(command.allowAccountChange ? ['allow_account_change'] : []),
  );
};

const decide = async (
  vault: StoringParts,
  command: StoreToken,
  view: UserView,
  askWhose: () => Promise<Whose>,
): Promise<Decision<TokenStored>> => {
  const { user, platform } = command;
  if (vault.platforms.displayName(platform) === null) {
    return {
      kind: 'refuse',
      failure: refuse('invalid_request', 'there is no such platform', 'unknown_platform').failure,
    };
  }
  const existing = view.connections.get(platform) ?? null;
  const whose = await askWhose();
  const after = accountAfter(existing?.grant.account ?? null, whose, command.allowAccountChange);
  if (after.kind === 'mismatch') return MISMATCH;
  const { dataKey, wrapped } = await keyFor(vault, user, view);
  const version = nextVersion(existing?.version ?? null, view.nowMicros);
  const revision = nextVersion(view.user?.revision ?? null, view.nowMicros);
  const now = vault.now();
  const expiresAt = expiryOf(command.metadata.expiresAt, command.access, now);
  const stays = existing !== null && isSameAccount(existing, whose) ? existing : null;
  const kept = stays !== null && command.refresh === null ? keptRefresh(dataKey, command, stays) : null;
  const metadata = {
    ...command.metadata,
    expiresAt,
    refreshExpiresAt:
      command.metadata.refreshExpiresAt ?? (kept === null ? null : (stays?.metadata.refreshExpiresAt ?? null)),
    params: { ...stays?.metadata.params, ...command.metadata.params },
  };
  const credentials = { access: command.access, refresh: command.refresh ?? kept, metadata };
  const sealed = sealCredentials(dataKey, { user, platform }, version, now, credentials);
  kept?.wipe();
  const record = newConnection(vault, platform, sealed, after.account, kept === null ? null : stays);
  return {
    kind: 'change',
    value: { platform, tokenVersion: record.tokenVersion, revision },
    write: {
      revision,
      dataKey: wrapped,
      put: { platform, record, dueAt: attentionAt(record, vault.providers.terms(platform), now) },
      remove: [],
      flows: view.flows.some((flow) => flow.platform === platform)
        ? view.flows.filter((flow) => flow.platform !== platform)
        : null,
      forget: false,
    },
    events: [{ platform, change: existing === null ? 'CONNECTED' : 'RECONNECTED', view: status(record, now) }],
    recordVersion: version,
    ...(whose.kind === 'unknown' && { reason: 'identity_unknown' }),
    ...(kept !== null && { reason: 'refresh_token_kept' }),
  };
};

const isSameAccount = ({ grant }: ConnectionRecord, whose: Whose): boolean =>
  whose.kind === 'known' && whose.account === grant.account;

/** The stored refresh token; null: there is none, or it does not open. */
const keptRefresh = (key: DataKey, name: StoreToken, existing: ConnectionRecord): Secret | null => {
  try {
    return openRefresh(key, { user: name.user, platform: name.platform }, existing);
  } catch (error) {
    if (error instanceof RecordCorrupt) return null;
    throw error;
  }
};

const MISMATCH: Decision<never> = {
  kind: 'refuse',
  failure: refuse('account_mismatch', 'the credentials belong to another account of the platform').failure,
};

/** The record of a connection right after the user's consent. `kept`: the earlier record, if its refresh token stays in use. */
const newConnection = (
  vault: StoringParts,
  platform: PlatformId,
  sealed: SealedCredentials,
  account: string | null,
  kept: ConnectionRecord | null,
): ConnectionRecord => {
  const { storedAt } = sealed;
  const lifetime = vault.platforms.grantMs(platform);
  const client = vault.providers.clientId(platform);
  const refreshed = sealed.refresh !== null && vault.providers.terms(platform) !== null;
  return withPublishedStatus(
    {
      ...sealed,
      condition: refreshed ? (kept === null ? { kind: 'good' } : conditionOfKept(kept, storedAt)) : { kind: 'none' },
      grant:
        kept === null
          ? {
              since: storedAt,
              endsAt: lifetime === null ? null : storedAt + lifetime,
              refreshedAt: null,
              account,
              ...(sealed.metadata.refreshExpiresAt !== null && { endIsStated: true as const }),
              ...(client !== null && { client }),
            }
          : kept.grant,
      lease: null,
    },
    storedAt,
  );
};

/**
 * A kept refresh token is tried again, whatever was thought of it. It may be spent where a request with it was not answered, or
 * where one is under way.
 */
const conditionOfKept = ({ condition, lease }: ConnectionRecord, now: number): Condition => {
  if (condition.kind === 'failing' && condition.unknownSince !== null) return condition;
  if (lease?.phase !== 'called') return { kind: 'good' };
  return { kind: 'failing', reason: 'outcome_unknown', since: now, failures: 1, retryAt: now, unknownSince: now };
};

/** The user's data key or a new one, and the wrapped form that the change has to write; null: the stored one stays. */
const keyFor = async (
  vault: StoringParts,
  user: UserId,
  view: UserView,
): Promise<{ dataKey: DataKey; wrapped: WrappedDataKey | null }> =>
  view.user === null
    ? vault.keys.newKey(user)
    : {
        dataKey: await vault.keys.keyOf(user, view.user.dataKey),
        wrapped: await vault.keys.rewrap(user, view.user.dataKey),
      };
