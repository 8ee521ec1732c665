import { createSecretKey } from 'node:crypto';
import type { Codec, ConnectionState } from '@vault-engine/contracts';
import { absent, engineId, type PlatformId, type UserId, userId } from '@vault-engine/model';
import { connectionStatusAt, digestOf } from '@vault-engine/state';
import { snapshotOf } from '@vault-engine/state/projecting';
import { type Call, getStatus, type PlatformStatus } from '@vault-engine/vault';
import fc from 'fast-check';
import { expect, it } from 'vitest';
import { StateTable } from './state-table.ts';
import { after, type Facts, histories, NAMES, NOBODY } from './testing/user-histories.ts';
import { userState } from './user-state.ts';

const user: UserId = userId('u1') ?? expect.fail('no user id');
const codec: Codec<'ConnectionState' | 'PlatformEntry'> = {
  encode: (_name, value) => Buffer.from(JSON.stringify(value)),
  decode: (message) => ({ ok: true, name: 'ConnectionState', value: JSON.parse(message?.toString() ?? '') }),
};
const call: Call = {
  requestId: '00000000-0000-4000-8000-000000000000',
  engine: engineId('sync') ?? expect.fail('no engine id'),
  keyId: 'k',
  action: 'GetStatus',
  idempotencyKey: 'i',
  dedupeKey: createSecretKey(Buffer.alloc(32)),
};

/** The answer of `GetStatus` at `now`. */
const answered = async (facts: Facts, now: number): Promise<readonly PlatformStatus[]> => {
  const platforms = {
    all: () => [...NAMES].map(([id, displayName]) => ({ id, displayName })),
    displayName: (id: PlatformId) => NAMES.get(id) ?? null,
  };
  const store = { readUser: async () => ({ ...facts, nowMicros: 0, dedupeRecord: null }) };
  const parts = { store, platforms, now: () => now, uuid: () => call.requestId };
  const answer = await getStatus(parts, call, { user }, () => true);
  return answer.ok ? answer.value.platforms : expect.fail('GetStatus refused');
};

/** The state at `now` of a view that has read this snapshot. */
const viewed = (snapshot: ConnectionState | null, now: number) => {
  const table = new StateTable(codec, () => now);
  if (snapshot !== null) table.take({ kind: 'snapshot', user, revision: snapshot.revision, state: snapshot });
  return userState(user, table.get(user), NAMES, now).platforms;
};

/** The status at `now` derived from the snapshot on the topic. A platform that it does not list is missing. */
const onTopic = (snapshot: ConnectionState | null, id: string, now: number) => {
  const connection = snapshot?.connections.find((each) => each.platform === id);
  if (connection !== undefined) return Object.values(connectionStatusAt(connection, now));
  const flow = snapshot?.flows.find((each) => each.platform === id);
  const view = absent(flow === undefined ? null : { expiresAt: flow.expires_at }, now);
  return [view.status, view.action, view.reason];
};

const EVERY_STATUS = [
  'CONNECTED NONE',
  'CONNECTED REAUTH',
  'EXPIRED REAUTH',
  'EXPIRED RETRY',
  'MISSING CONNECT',
  'MISSING RESUME',
];
const EVERY_REASON = [
  'access_token_expired',
  'grant_lapses',
  'grant_refused',
  'outcome_unknown',
  'provider_misconfigured',
  'provider_throttles',
  'provider_unavailable',
  'refresh_token_expired',
  'reported_revoked',
];

it('GetStatus, the topic and the view agree after any history, for a snapshot of any age', async () => {
  const statuses = new Set<string>();
  const reasons = new Set<string>();
  await fc.assert(
    fc.asyncProperty(histories, fc.nat(15), fc.nat(60), async (history, projectedLater, later) => {
      let [facts, now] = [NOBODY, 0];
      for (const step of history) {
        now += step.kind === 'pass' ? step.time : 0;
        facts = after(facts, step, now);
      }
      const snapshot = snapshotOf(user, facts, now + projectedLater);
      const at = now + projectedLater + later;
      const said = await answered(facts, at);
      expect(viewed(snapshot, at)).toEqual(
        said.map(({ platform: id, displayName, status, action, reason, expiresAt, lapsesAt, scopes }) => ({
          platform: id,
          displayName,
          status,
          suggestedAction: action,
          reason,
          expiresAt: expiresAt === null ? null : new Date(expiresAt),
          lapsesAt: lapsesAt === null ? null : new Date(lapsesAt),
          scopes,
        })),
      );
      for (const { platform: id, status, action, reason } of said) {
        expect(onTopic(snapshot, id, at)).toEqual([status, action, reason]);
        statuses.add(`${status} ${action}`);
        if (reason !== null) reasons.add(reason);
      }
      // A change by time alone is not drift.
      const afresh = snapshotOf(user, facts, at);
      if (snapshot !== null && afresh !== null) expect(digestOf(afresh)).toBe(digestOf(snapshot));
    }),
    { numRuns: 4_000 },
  );
  expect([[...statuses].sort(), [...reasons].sort()]).toEqual([EVERY_STATUS, EVERY_REASON]);
});
