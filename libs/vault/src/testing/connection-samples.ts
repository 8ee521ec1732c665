import { dataKey } from '@vault-engine/crypto';
import { secretOf } from '@vault-engine/crypto/plaintext';
import type { DeadlineBudget } from '../call.ts';
import type { ConnectionRecord } from '../connection-record.ts';
import { sealCredentials } from '../credentials.ts';
import type { RefreshTerms } from '../providers.ts';
import { GMAIL, KEY, NOW, USER } from './flow-samples.ts';

/** A connection on Gmail whose tokens are `access` and `refresh`, with the tokens of `version`. */
export const connectionOf = (version: number, changes: Partial<ConnectionRecord> = {}): ConnectionRecord => ({
  ...sealCredentials(KEY, { user: USER, platform: GMAIL }, version, NOW, {
    access: secretOf(Buffer.from('access')),
    refresh: secretOf(Buffer.from('refresh')),
    metadata: { tokenType: 'Bearer', scopes: [], expiresAt: null, refreshExpiresAt: null, params: { region: 'eu' } },
  }),
  condition: { kind: 'good' },
  grant: { since: NOW, endsAt: null, refreshedAt: null, account: null },
  lastPublishedStatus: '',
  lease: null,
  ...changes,
});

/** The key of nobody. */
export const WRONG_KEY = dataKey(Buffer.alloc(16, 1), Buffer.alloc(32, 9));

/** Waits for everybody. */
export const patient: DeadlineBudget = { within: (ask) => ask(), sleep: async () => undefined };

/** Waits for nobody. */
export const impatient: DeadlineBudget = {
  within: async (ask, late) => {
    ask().catch(() => undefined);
    return late;
  },
  sleep: async () => undefined,
};

/** Nothing is ever due. */
export const terms: RefreshTerms = {
  dueAt: () => null,
  backoff: () => 1,
  minIntervalMs: 0,
  graceMs: 0,
  reuse: 'harmless',
  canIntrospect: false,
  circuit: 'circuit',
  verdict: { confirmAfterMs: [60_000, 300_000, 1_800_000], askUserAfterMs: 21_600_000 },
};
