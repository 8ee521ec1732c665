import { type DataKey, metadataHash } from '@vault-engine/crypto';
import { reveal } from '@vault-engine/crypto/plaintext';
import type { PlatformId, UserId } from '@vault-engine/model';
import { type Call, type DeadlineBudget, refuse, type Vault } from '../call.ts';
import { type Decision, type Mutation, nextVersion } from '../change/change.ts';
import { commandDigest, dedupeId } from '../change/dedupe.ts';
import type { ConnectionRecord, WrappedDataKey } from '../connection-record.ts';
import { type Credentials, type SealedCredentials, sealCredentials } from '../credentials.ts';
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
  const credentials = { ...command, metadata: { ...command.metadata, expiresAt } };
  const sealed = sealCredentials(dataKey, { user, platform }, version, now, credentials);
  const record = newConnection(vault, platform, sealed, after.account);
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
  };
};

const MISMATCH: Decision<never> = {
  kind: 'refuse',
  failure: refuse('account_mismatch', 'the credentials belong to another account of the platform').failure,
};

/** The record of a connection right after the user's consent. */
const newConnection = (
  vault: StoringParts,
  platform: PlatformId,
  sealed: SealedCredentials,
  account: string | null,
): ConnectionRecord => {
  const { storedAt } = sealed;
  const lifetime = vault.platforms.grantMs(platform);
  const client = vault.providers.clientId(platform);
  const refreshed = sealed.refresh !== null && vault.providers.terms(platform) !== null;
  return withPublishedStatus(
    {
      ...sealed,
      condition: { kind: refreshed ? 'good' : 'none' },
      grant: {
        since: storedAt,
        endsAt: lifetime === null ? null : storedAt + lifetime,
        refreshedAt: null,
        account,
        ...(client !== null && { client }),
        ...(sealed.metadata.refreshExpiresAt !== null && { endIsStated: true as const }),
      },
      lease: null,
    },
    storedAt,
  );
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
