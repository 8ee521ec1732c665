import { randomBytes, randomUUID } from 'node:crypto';
import { dataKey, metadataHash, type Secret, sealRecord } from '@vault-engine/crypto';
import { secretOf } from '@vault-engine/crypto/plaintext';
import {
  type Change,
  type ConnectionRecord,
  type PlatformId,
  status,
  statusText,
  type TokenStore,
  type UserId,
  userId,
} from '@vault-engine/vault';
import { TOKEN } from './users.ts';

/** Where connections are written, and when they fall due. */
export interface WriteConnectionsOptions {
  readonly store: Pick<TokenStore, 'apply' | 'settle'>;
  readonly platform: PlatformId;
  /** Unix milliseconds. */
  readonly dueAt: number;
}

const AT_ONCE = 1_000;
/** As long as KMS makes them. */
const WRAPPED_BYTES = 184;
const REFRESH_TOKEN_BYTES = 100;

/** The `n`th user with a connection in the due index. */
export const dueUser = (n: number): UserId => {
  const user = userId(`due-user-${String(n).padStart(8, '0')}`);
  if (user === null) throw new Error('an id of the bench is none');
  return user;
};

/**
 * Writes the connections of the users from `first` on, one each, by the store's own `apply`. Each has a row of its own; what
 * is sealed in them is the same, as nobody opens it: its size counts.
 */
export const writeConnections = async (
  { store, platform, dueAt }: WriteConnectionsOptions,
  first: number,
  count: number,
): Promise<void> => {
  const record = sealedRecord(platform, dueAt);
  for (let written = 0; written < count; written += AT_ONCE) {
    const users = Array.from({ length: Math.min(AT_ONCE, count - written) }, (_, at) => dueUser(first + written + at));
    const pending = await Promise.all(
      users.map(async (user) => {
        const applied = await store.apply(connect(user, platform, record, dueAt));
        if (applied.kind !== 'applied') throw new Error('a user of the bench is there already');
        return applied.pending;
      }),
    );
    await store.settle(pending);
  }
};

const connect = (user: UserId, platform: PlatformId, record: ConnectionRecord, dueAt: number): Change => ({
  user,
  expectedRevision: null,
  revision: record.version,
  dataKey: { kid: randomBytes(16), wrapped: randomBytes(WRAPPED_BYTES) },
  put: { platform, record, dueAt },
  leaseOwner: null,
  remove: [],
  flows: null,
  forget: false,
  dedupe: null,
  transition: { id: randomUUID(), user, audit: Buffer.alloc(1), events: [] },
});

const sealedRecord = (platform: PlatformId, expiresAt: number): ConnectionRecord => {
  const now = Date.now();
  const version = now * 1_000;
  const metadata = {
    tokenType: 'Bearer',
    scopes: ['email', 'profile'],
    expiresAt,
    refreshExpiresAt: null,
    params: {},
  };
  const key = dataKey(randomBytes(16), randomBytes(32));
  const seal = (slot: 'access' | 'refresh', secret: Secret) =>
    sealRecord(key, { user: dueUser(0), platform, slot, version, metadataHash: metadataHash(metadata) }, secret);
  const record: ConnectionRecord = {
    version,
    tokenVersion: version,
    storedAt: now,
    metadata,
    access: seal('access', secretOf(Buffer.from(TOKEN))),
    refresh: seal('refresh', secretOf(Buffer.from(TOKEN.slice(0, REFRESH_TOKEN_BYTES)))),
    condition: { kind: 'good' },
    grant: { since: now, endsAt: null, refreshedAt: null, account: null },
    lastPublishedStatus: '',
    lease: null,
  };
  return { ...record, lastPublishedStatus: statusText(status(record, now)) };
};
