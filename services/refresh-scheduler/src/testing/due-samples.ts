import { randomBytes, randomUUID } from 'node:crypto';
import { ciphertext } from '@vault-engine/crypto';
import {
  type Change,
  type ConnectionRecord,
  type PlatformId,
  platformId,
  type TokenStore,
  type UserId,
  userId,
} from '@vault-engine/vault';

const fail = (): never => {
  throw new RangeError('invalid sample');
};

export const asUser = (text: string): UserId => userId(text) ?? fail();
const asPlatform = (text: string): PlatformId => platformId(text) ?? fail();

export const GMAIL = asPlatform('gmail');
export const SLACK = asPlatform('slack');

const record: ConnectionRecord = {
  version: 1,
  tokenVersion: 1,
  storedAt: 1,
  metadata: { tokenType: 'Bearer', scopes: [], expiresAt: null, refreshExpiresAt: null, params: {} },
  access: ciphertext(randomBytes(130)),
  refresh: null,
  condition: { kind: 'good' },
  grant: { since: 1, endsAt: null, refreshedAt: null, account: null },
  lastPublishedStatus: '',
  lease: null,
};

const connect = (user: UserId, platform: PlatformId, dueAt: number): Change => ({
  user,
  expectedRevision: null,
  revision: 1,
  dataKey: { kid: randomBytes(16), wrapped: randomBytes(184) },
  put: { platform, record, dueAt },
  leaseOwner: null,
  remove: [],
  flows: null,
  forget: false,
  dedupe: null,
  transition: { id: randomUUID(), user, audit: Buffer.alloc(1), events: [] },
});

/** Stores `count` users with one due connection each, and returns the users. */
export const connectDue = async (
  store: TokenStore,
  platform: PlatformId,
  count: number,
): Promise<readonly UserId[]> => {
  const users = Array.from({ length: count }, (_, at) => asUser(`${platform}-user-${at}`));
  const dueAt = Date.now() - 1_000;
  await Promise.all(users.map((user) => store.apply(connect(user, platform, dueAt))));
  return users;
};
