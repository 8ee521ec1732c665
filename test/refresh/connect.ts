import { createSecretKey, randomBytes, randomUUID } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { secretOf } from '@vault-engine/crypto/plaintext';
import {
  type Answer,
  type Call,
  change,
  type DeadlineBudget,
  type EngineId,
  engineId,
  type Mutation,
  type PlatformId,
  revokeToken,
  storeToken,
  type TokenStored,
  type UserId,
  userId,
  type Vault,
} from '@vault-engine/vault';

/** What a user's consent leaves an engine with. */
export interface Tokens {
  readonly access?: string;
  readonly refresh?: string | null;
  /** Milliseconds from now; already lapsed where nothing is said. */
  readonly expiresInMs?: number | null;
  readonly refreshExpiresInMs?: number | null;
  /** Who connects; somebody new where nobody is named. */
  readonly user?: UserId;
  readonly allowAccountChange?: boolean;
  readonly params?: Readonly<Record<string, string>>;
}

const fail = (): never => {
  throw new Error('not there');
};

const DEDUPE_KEY = createSecretKey(randomBytes(32));
const ENGINE: EngineId = engineId('action') ?? fail();

/** The call of an engine, under a fresh id. */
export const callOf = (action: string): Call => ({
  requestId: randomUUID(),
  engine: ENGINE,
  keyId: '00000000',
  action,
  idempotencyKey: randomUUID(),
  dedupeKey: DEDUPE_KEY,
});

/** Waits for everybody. */
const patient: DeadlineBudget = { within: (ask) => ask(), sleep: (ms) => sleep(ms / 10) };

const NOBODY_SPECIAL: Required<Omit<Tokens, 'user'>> = {
  access: 'access-0',
  refresh: 'refresh-0',
  expiresInMs: -1,
  refreshExpiresInMs: null,
  allowAccountChange: false,
  params: {},
};

/** Stores what a user's consent brought. Answers who connected, and what it came to. */
export const connect = async (
  vault: Vault,
  platform: PlatformId,
  tokens: Tokens,
): Promise<Answer<TokenStored> & { readonly user: UserId }> => {
  const { user = newUser(), ...given } = tokens;
  const { access, refresh, expiresInMs, refreshExpiresInMs, allowAccountChange, params } = {
    ...NOBODY_SPECIAL,
    ...given,
  };
  const at = (ms: number | null) => (ms === null ? null : vault.now() + ms);
  const command = {
    user,
    platform,
    allowAccountChange,
    access: secretOf(Buffer.from(access)),
    refresh: refresh === null ? null : secretOf(Buffer.from(refresh)),
    metadata: {
      tokenType: 'Bearer',
      scopes: ['files'],
      expiresAt: at(expiresInMs),
      refreshExpiresAt: at(refreshExpiresInMs),
      params,
    },
  };
  const call = callOf('StoreToken');
  return { user, ...(await carryOut(vault, call, storeToken(vault, call, command, patient))) };
};

/** Revokes a connection in the name of an engine. */
export const revoke = async (vault: Vault, platform: PlatformId, user: UserId): Promise<void> => {
  const call = callOf('RevokeToken');
  await carryOut(vault, call, revokeToken(vault, call, { user, platform }, patient));
};

const carryOut = async <T>(vault: Vault, call: Call, mutation: Mutation<T>): Promise<Answer<T>> =>
  change(vault, call, mutation, await vault.store.readUser(mutation.user, mutation.platform, mutation.dedupeId));

const newUser = (): UserId => userId(`user-${randomUUID()}`) ?? fail();
