import { ciphertext } from '@vault-engine/crypto';
import { type PlatformId, platformId } from '@vault-engine/model';
import type { Condition, ConnectionRecord, Flow, UserView } from '@vault-engine/vault';
import fc from 'fast-check';

const named = (id: string): PlatformId => {
  const parsed = platformId(id);
  if (parsed === null) throw new Error(`${id} is no platform id`);
  return parsed;
};
const [GMAIL, SLACK, GONE] = [named('gmail'), named('slack'), named('gone')];

/** The platforms with a profile; `gone` has connections, but its profile was removed. */
export const NAMES: ReadonlyMap<PlatformId, string> = new Map([
  [GMAIL, 'Gmail'],
  [SLACK, 'Slack'],
]);

/** Times are a few units apart, so that every order of them occurs. */
export type Step =
  | { readonly kind: 'store'; readonly platform: PlatformId; readonly record: Stored }
  | { readonly kind: 'condition'; readonly platform: PlatformId; readonly condition: Condition }
  | { readonly kind: 'revoke'; readonly platform: PlatformId }
  | { readonly kind: 'start'; readonly platform: PlatformId; readonly lastsFor: number }
  | { readonly kind: 'abandon' }
  | { readonly kind: 'forget' }
  | { readonly kind: 'pass'; readonly time: number };

/** Times are relative to the time of storing, and may be negative. */
interface Stored {
  readonly refresh: boolean;
  readonly condition: Condition;
  readonly expiresIn: number | null;
  readonly refreshExpiresIn: number | null;
  readonly endsIn: number | null;
}

const failing = (reason: Extract<Condition, { kind: 'failing' }>['reason']): Condition => ({
  kind: 'failing',
  reason,
  since: 0,
  failures: 1,
  retryAt: 5,
  unknownSince: null,
});
const condition = fc.constantFrom<Condition>(
  { kind: 'none' },
  { kind: 'good' },
  failing('provider_unavailable'),
  failing('provider_throttles'),
  failing('provider_misconfigured'),
  failing('outcome_unknown'),
  { kind: 'dead', reason: 'grant_refused', since: 0 },
  { kind: 'dead', reason: 'outcome_unknown', since: 0 },
  { kind: 'dead', reason: 'reported_revoked', since: 10 },
);
const maybe = fc.option(fc.integer({ min: -10, max: 60 }), { nil: null });
const platform = fc.constantFrom(GMAIL, SLACK, GONE);
const stored: fc.Arbitrary<Stored> = fc.record({
  refresh: fc.boolean(),
  condition,
  expiresIn: maybe,
  refreshExpiresIn: maybe,
  endsIn: maybe,
});
/** The history of one user. */
export const histories: fc.Arbitrary<readonly Step[]> = fc.array(
  fc.oneof(
    { weight: 5, arbitrary: fc.record({ kind: fc.constant('store' as const), platform, record: stored }) },
    { weight: 3, arbitrary: fc.record({ kind: fc.constant('condition' as const), platform, condition }) },
    { weight: 1, arbitrary: fc.record({ kind: fc.constant('revoke' as const), platform }) },
    {
      weight: 3,
      arbitrary: fc.record({
        kind: fc.constant('start' as const),
        platform,
        lastsFor: fc.integer({ min: 1, max: 40 }),
      }),
    },
    { weight: 1, arbitrary: fc.constant<Step>({ kind: 'abandon' }) },
    { weight: 1, arbitrary: fc.constant<Step>({ kind: 'forget' }) },
    { weight: 4, arbitrary: fc.record({ kind: fc.constant('pass' as const), time: fc.nat(20) }) },
  ),
  { maxLength: 12 },
);

/** The stored state of the user. */
export type Facts = Pick<UserView, 'user' | 'flows'> & {
  readonly connections: ReadonlyMap<PlatformId, ConnectionRecord>;
};
export const NOBODY: Facts = { user: null, connections: new Map(), flows: [] };

/** The stored state after one more step of a user's history. */
export const after = (facts: Facts, step: Step, now: number): Facts => {
  const revision = (facts.user?.revision ?? 0) + 1;
  const row = { revision, dataKey: { kid: Buffer.alloc(16), wrapped: Buffer.alloc(0) } };
  switch (step.kind) {
    case 'store': {
      const flows = facts.flows.filter((flow) => flow.platform !== step.platform);
      const record = recordOf(step.record, revision, now);
      return { user: row, connections: new Map([...facts.connections, [step.platform, record]]), flows };
    }
    case 'condition': {
      const record = facts.connections.get(step.platform);
      if (record === undefined) return facts;
      const changed = { ...record, condition: step.condition };
      return { ...facts, user: row, connections: new Map([...facts.connections, [step.platform, changed]]) };
    }
    case 'revoke':
      return facts.user === null ? facts : { ...facts, user: row, connections: without(facts, step.platform) };
    case 'start': {
      const flow: Flow = {
        id: `f${revision}`,
        platform: step.platform,
        startedAt: now,
        expiresAt: now + step.lastsFor,
      };
      return { ...facts, user: row, flows: [...facts.flows.filter((each) => each.platform !== flow.platform), flow] };
    }
    case 'abandon':
      return { ...facts, flows: facts.flows.filter(({ expiresAt }) => expiresAt > now) };
    case 'forget':
      return NOBODY;
    case 'pass':
      return facts;
  }
};

const without = ({ connections }: Facts, gone: PlatformId) => new Map([...connections].filter(([id]) => id !== gone));

const recordOf = (stored: Stored, version: number, now: number): ConnectionRecord => {
  const at = (ms: number | null): number | null => (ms === null ? null : now + ms);
  return {
    version,
    tokenVersion: version,
    storedAt: now,
    metadata: {
      tokenType: 'Bearer',
      scopes: ['email'],
      expiresAt: at(stored.expiresIn),
      refreshExpiresAt: at(stored.refreshExpiresIn),
      params: {},
    },
    access: ciphertext(Buffer.from('a')),
    refresh: stored.refresh ? ciphertext(Buffer.from('r')) : null,
    condition: stored.condition,
    grant: { since: now, endsAt: at(stored.endsIn), refreshedAt: null, account: null },
    lastPublishedStatus: '',
    lease: null,
  };
};
