import { randomUUID } from 'node:crypto';
import { type Bus, createPublisher } from '@vault-engine/bus';
import type { Codec } from '@vault-engine/contracts';
import { ciphertext } from '@vault-engine/crypto';
import { openProjection, StateMarks } from '@vault-engine/state/projecting';
import { type ConnectionRecord, platformId, type UserView, userId } from '@vault-engine/vault';

/** Where snapshots are written. */
export interface WriteSnapshotsOptions {
  readonly bus: Bus;
  readonly codec: Codec;
  readonly topic: string;
}

const AT_ONCE = 2_000;
const DAY_MS = 86_400_000;

/** Writes snapshots of `count` new users with two connections each, as the projector does it of what a store says. */
export const writeSnapshots = async ({ bus, codec, topic }: WriteSnapshotsOptions, count: number): Promise<void> => {
  const publisher = createPublisher(bus, { sendTimeoutMs: 60_000 });
  const marks = new StateMarks(Date.now);
  const store = { readUser: async () => viewNow() };
  const projection = openProjection({ store, codec, publisher, topic, marks, now: Date.now });
  try {
    for (let written = 0; written < count; written += AT_ONCE) {
      const users = Array.from({ length: Math.min(AT_ONCE, count - written) }, newUser);
      await Promise.all(users.map(projection.republish));
      // Nobody reads the topic back to them.
      marks.clear();
    }
  } finally {
    await publisher.close();
  }
};

const newUser = () => made(userId(randomUUID()));

const made = <T>(parsed: T | null): T => {
  if (parsed === null) throw new Error('an id of the bench is none');
  return parsed;
};

const viewNow = (): UserView => {
  const now = Date.now();
  const connections = new Map([
    [made(platformId('gmail')), recordAt(now, { expiresAt: now + DAY_MS, renewed: true })],
    [made(platformId('slack')), recordAt(now, { expiresAt: null, renewed: false })],
  ]);
  const user = { revision: now * 1_000, dataKey: { kid: Buffer.alloc(16), wrapped: Buffer.alloc(64) } };
  return { nowMicros: now * 1_000, user, connections, flows: [], dedupeRecord: null };
};

const SEALED = ciphertext(Buffer.alloc(100));

const recordAt = (
  now: number,
  { expiresAt, renewed }: { readonly expiresAt: number | null; readonly renewed: boolean },
): ConnectionRecord => ({
  version: now * 1_000,
  tokenVersion: now * 1_000,
  storedAt: now,
  metadata: { tokenType: 'Bearer', scopes: ['email', 'profile'], expiresAt, refreshExpiresAt: null, params: {} },
  access: SEALED,
  refresh: renewed ? SEALED : null,
  condition: { kind: renewed ? 'good' : 'none' },
  grant: { since: now, endsAt: null, refreshedAt: null, account: null },
  lastPublishedStatus: '',
  lease: null,
});
