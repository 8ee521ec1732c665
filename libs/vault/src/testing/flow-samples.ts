import { createSecretKey } from 'node:crypto';
import { dataKey } from '@vault-engine/crypto';
import type { EngineId, PlatformId, UserId } from '@vault-engine/model';
import type { Call } from '../call.ts';
import type { Flow, WrappedDataKey } from '../connection-record.ts';
import type { DataKeys, PlatformCatalog } from '../ports.ts';
import type { UserView } from '../token-store.ts';

// Ids as `userId`, `platformId` and `engineId` would answer them.

export const USER = 'u1' as UserId;
export const GMAIL = 'gmail' as PlatformId;
export const SLACK = 'slack' as PlatformId;
export const NOWHERE = 'nowhere' as PlatformId;

/** Unix milliseconds. */
export const NOW = 1_700_000_000_000;
export const NOW_MICROS = NOW * 1_000;
/** How long a flow on Gmail is open. */
export const FLOW_MS = 600_000;

export const WRAPPED: WrappedDataKey = { kid: Buffer.alloc(16, 1), wrapped: Buffer.from('wrapped') };

/** A catalogue of Gmail and Slack. */
export const platforms: PlatformCatalog = {
  displayName: (platform) => (platform === GMAIL || platform === SLACK ? platform : null),
  all: () => [GMAIL, SLACK].map((id) => ({ id, displayName: id })),
  flowMs: (platform) => (platform === GMAIL ? FLOW_MS : 1_000),
  grantMs: () => null,
};

/** The key of everybody. */
export const KEY = dataKey(WRAPPED.kid, Buffer.alloc(32, 3));

/** Answers it. */
export const keys: DataKeys = {
  keyOf: () => KEY,
  newKey: async () => ({ dataKey: KEY, wrapped: WRAPPED }),
  rewrap: async () => null,
  evict: () => undefined,
};

/** A command of the action engine. */
export const callOf = (action: string): Call => ({
  requestId: '6a0f8f2e-0000-4000-8000-000000000001',
  engine: 'action' as EngineId,
  keyId: '00c0ffee',
  action,
  idempotencyKey: 'k',
  dedupeKey: createSecretKey(Buffer.alloc(32, 2)),
});

/** A user whom nobody knows. */
export const nobody: UserView = {
  nowMicros: NOW_MICROS,
  user: null,
  connections: new Map(),
  flows: [],
  dedupeRecord: null,
};

/** A user with these flows, at revision 5, without a connection. */
export const withFlows = (...flows: readonly Flow[]): UserView => ({
  ...nobody,
  user: { revision: 5, dataKey: WRAPPED },
  flows,
});

/** A flow that ends `endsIn` milliseconds from {@link NOW}. */
export const flowOn = (platform: PlatformId, endsIn = 1, id = 'f0'): Flow => ({
  id,
  platform,
  startedAt: 1,
  expiresAt: NOW + endsIn,
});
