import { randomUUID } from 'node:crypto';
import { kafkaJournal } from '@vault-engine/audit';
import { createPublisher } from '@vault-engine/bus';
import { openRedisStore } from '@vault-engine/token-store';
import {
  type Change,
  type Condition,
  type ConnectionRecord,
  type Journal,
  type PlatformId,
  platformId,
  status,
  type Transition,
  type UserId,
  type UserView,
  userId,
} from '@vault-engine/vault';
import type { TestVault } from './open-vault.ts';

/** What only a refresh makes of a connection. */
export interface Refreshed {
  readonly condition: Condition;
  /** Unix milliseconds. */
  readonly expiresAt: number | null;
  readonly refreshExpiresAt: number | null;
  readonly endsAt: number | null;
}

/** Writes into the store what refreshing would. */
export interface ConditionWriter {
  /** Makes the change with its event, and never lets the connection fall due. False: there is no connection. */
  readonly set: (user: string, platform: string, refreshed: Refreshed) => Promise<boolean>;
  readonly close: () => Promise<void>;
}

/** Opens the store and the journal of a test's vault beside its services. */
export const openConditionWriter = async ({ place, topics, bus, codec }: TestVault): Promise<ConditionWriter> => {
  const store = await openRedisStore({ url: place.redisUrl, keyPrefix: place.keyPrefix, requireDurable: false });
  const publisher = createPublisher(bus);
  const { auditLog: auditTopic, connectionEvents: eventsTopic } = topics;
  const journal = kafkaJournal({ codec, auditTo: publisher, eventsTo: publisher, auditTopic, eventsTopic });
  return {
    set: async (userName, platformName, refreshed) => {
      const [user, platform] = namesOf(userName, platformName);
      for (let attempt = 0; attempt < MAX_CONFLICTS; attempt += 1) {
        const change = changeOf(journal, user, platform, await store.readUser(user, null, null), refreshed);
        if (change === null) return false;
        const applied = await store.apply(change);
        if (applied.kind !== 'applied') continue;
        await journal.record(change.transition.audit);
        for (const event of change.transition.events) await journal.publish(user, event);
        await store.settle([applied.pending]);
        return true;
      }
      throw new Error(`${userName} is changed by others without pause`);
    },
    close: async () => {
      await publisher.close();
      await store.close();
    },
  };
};

/** The scheduler may be faster. */
const MAX_CONFLICTS = 5;

const changeOf = (
  journal: Journal,
  user: UserId,
  platform: PlatformId,
  { user: row, connections, nowMicros }: UserView,
  { condition, endsAt, ...times }: Refreshed,
): Change | null => {
  const before = connections.get(platform);
  if (row === null || before === undefined) return null;
  const record = {
    ...before,
    metadata: { ...before.metadata, ...times },
    // Its bytes are never opened here.
    refresh: before.refresh ?? before.access,
    condition,
    grant: { ...before.grant, endsAt },
  };
  const revision = Math.max(row.revision + 1, nowMicros);
  return {
    user,
    expectedRevision: row.revision,
    revision,
    dataKey: null,
    put: { platform, record, dueAt: null },
    leaseOwner: null,
    remove: [],
    flows: null,
    forget: false,
    dedupe: null,
    transition: transitionOf(journal, { user, platform, revision, record }),
  };
};

const transitionOf = (
  journal: Journal,
  {
    user,
    platform,
    revision,
    record,
  }: { user: UserId; platform: PlatformId; revision: number; record: ConnectionRecord },
): Transition => {
  const now = Date.now();
  const about = { userId: user, platform, time: now };
  const view = status(record, now);
  const event = { ...about, id: randomUUID(), revision, change: 'FAILING' as const, engine: null, view };
  return {
    id: event.id,
    user,
    audit: journal.encodeAudit({ ...AUDIT, ...about, id: randomUUID() }),
    events: [journal.encodeEvent(event)],
  };
};

const AUDIT = {
  requestId: null,
  engine: 'refresh-scheduler',
  keyId: null,
  action: 'RefreshToken',
  result: 'ok',
  reason: null,
  recordVersion: null,
  count: 1,
};

const namesOf = (user: string, platform: string): readonly [UserId, PlatformId] => {
  const [userName, platformName] = [userId(user), platformId(platform)];
  if (userName === null || platformName === null) throw new Error(`${user} on ${platform}: no such names`);
  return [userName, platformName];
};
