import { randomBytes, randomUUID } from 'node:crypto';
import { ciphertext } from '@vault-engine/crypto';
import {
  type Change,
  type ConnectionRecord,
  type PlatformId,
  platformId,
  type TokenStore,
  type Transition,
  type UserId,
  userId,
  type WrappedDataKey,
} from '@vault-engine/vault';

/** A user of one test alone. */
export const newUser = (): UserId => asUser(`user-${randomUUID()}`);

/** The user id in `text`. */
export const asUser = (text: string): UserId => userId(text) ?? fail();
/** The platform id in `text`. */
export const asPlatform = (text: string): PlatformId => platformId(text) ?? fail();

const fail = (): never => {
  throw new RangeError('a sample is invalid');
};

export const GMAIL = asPlatform('gmail');
export const SLACK = asPlatform('slack');

/** A record that looks like a sealed one. */
export const newRecord = (fields: Partial<ConnectionRecord> = {}): ConnectionRecord => ({
  version: 1_700_000_000_000_000,
  tokenVersion: 1_700_000_000_000_000,
  storedAt: 1_700_000_000_000,
  metadata: {
    tokenType: 'Bearer',
    scopes: ['email', 'profile'],
    expiresAt: 1_700_003_600_000,
    refreshExpiresAt: null,
    params: { instance_url: 'https://example.test/' },
  },
  access: ciphertext(randomBytes(130)),
  refresh: ciphertext(randomBytes(130)),
  condition: { kind: 'good' },
  grant: { since: 1_700_000_000_000, endsAt: null, refreshedAt: null, account: null },
  lastPublishedStatus: 'CONNECTED/NONE/good/',
  lease: null,
  ...fields,
});

export const newDataKey = (): WrappedDataKey => ({ kid: randomBytes(16), wrapped: randomBytes(184) });

/** A put of one connection. */
export const putOf = (platform: PlatformId, record = newRecord(), dueAt: number | null = null) => ({
  platform,
  record,
  dueAt,
});

/** A dedupe record with a new id. */
export const newDedupeRecord = () => ({
  id: randomBytes(16).toString('hex'),
  mac: randomBytes(32),
  outcome: '{"version":1}',
  keepMs: 60_000,
});

export const newTransition = (user: UserId): Transition => ({
  id: randomUUID(),
  user,
  audit: randomBytes(90),
  events: [randomBytes(60), randomBytes(61)],
});

/** A change of the revision alone, unless `fields` change more. */
export const newChange = (user: UserId, revision: number, fields: Partial<Change> = {}): Change => ({
  user,
  expectedRevision: null,
  revision,
  dataKey: null,
  put: null,
  leaseOwner: null,
  remove: [],
  flows: null,
  forget: false,
  dedupe: null,
  transition: newTransition(user),
  ...fields,
});

/** Stores a user with connections at `platforms`, in one change each with revisions 1, 2, … Returns the last revision. */
export const connectUser = async (store: TokenStore, user: UserId, platforms: readonly PlatformId[] = [GMAIL]) => {
  for (const [at, platform] of platforms.entries()) {
    const first = at === 0;
    const start = { expectedRevision: first ? null : at, dataKey: first ? newDataKey() : null };
    await store.apply(newChange(user, at + 1, { ...start, put: putOf(platform) }));
  }
  return platforms.length;
};

/** The transitions of one user that are pending for `olderThanMs`. */
export const pendingOf = async (store: TokenStore, user: UserId, olderThanMs = 0) =>
  (await store.pending(olderThanMs, 100_000)).filter(({ transition }) => transition.user === user);
