import { type MisbehavingProvider, misbehave, openMisbehavingProvider } from '@vault-engine/authorization-server';
import type { UserId } from '@vault-engine/vault';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { openRefreshes, type Refreshes } from './open-refreshes.ts';
import { KINDS, type Kind, profileOf } from './profiles.ts';

type Behaviour = ReturnType<typeof misbehave.refresh>;

/** What is left of a connection whose provider has met one request so. */
interface ExpectedOutcome {
  readonly answer: object;
  readonly condition: object;
  /** The end of the audit trail: result and reason. */
  readonly audited: string;
  readonly change: string;
  /** Asked about it later, the provider says that the refresh token is spent. */
  readonly isSpent?: true;
}

const RENEWED: ExpectedOutcome = {
  answer: { code: 'ok' },
  condition: { kind: 'good' },
  audited: 'ok',
  change: 'RENEWED',
};

const failing = (reason: string, audited: string, answer: object, unknown = false): ExpectedOutcome => ({
  answer,
  condition: { kind: 'failing', reason, failures: 1, unknownSince: unknown ? expect.any(Number) : null },
  audited,
  change: 'EXPIRED',
});

const unavailable = (reason: string) => ({
  code: 'provider_unavailable',
  reason,
  retryAfterMs: expect.any(Number),
});

const dead = (reason: string, audited: string): ExpectedOutcome => ({
  answer: { code: 'expired_token', reason },
  condition: { kind: 'dead', reason },
  audited,
  change: 'EXPIRED',
});

const misconfigured = (reason: string): ExpectedOutcome =>
  failing('provider_misconfigured', `provider_misconfigured ${reason}`, { code: 'provider_misconfigured' });

const transient = (reason: string): ExpectedOutcome =>
  failing('provider_unavailable', `provider_unavailable ${reason}`, unavailable('provider_unavailable'));

/** The provider refuses the grant. One refusal is not believed: the connection is suspect. */
const suspect: ExpectedOutcome = failing(
  'grant_refused',
  'expired_token refused_by_provider',
  unavailable('grant_refused'),
);

/** The refresh token may be spent. The outcome depends on what the provider does with spent ones. */
const unknown = (reason: string, result = 'provider_unavailable'): Record<Kind, ExpectedOutcome> => {
  const audited = `${result} ${reason}`;
  const perhapsSpent = failing('outcome_unknown', audited, unavailable('outcome_unknown'), true);
  return {
    never: transient(reason),
    rejecting: perhapsSpent,
    revoking: dead('outcome_unknown', audited),
    telling: { ...perhapsSpent, isSpent: true },
    graced: perhapsSpent,
  };
};

const ofAll = (outcome: ExpectedOutcome): Record<Kind, ExpectedOutcome> => ({
  never: outcome,
  rejecting: outcome,
  revoking: outcome,
  telling: outcome,
  graced: outcome,
});

/** How often one refresh asks a provider that refuses the grant. */
const TWICE = 2;
const RETRY_AFTER_S = 120;

interface Case {
  readonly meets: () => readonly Behaviour[];
  readonly outcome: Record<Kind, ExpectedOutcome>;
  /** 1 where nothing is said. */
  readonly asks?: number;
  /** Whether to wait is part of it. */
  readonly impatient?: boolean;
}

const CASES: Readonly<Record<string, Case>> = {
  'answers slowly': { meets: () => [misbehave.slow(50)], outcome: ofAll(RENEWED) },
  hangs: { meets: () => [misbehave.hang()], outcome: unknown('timeout'), impatient: true },
  'answers 500': { meets: () => [misbehave.serverError()], outcome: unknown('provider_error') },
  'answers 429 with Retry-After': {
    meets: () => [misbehave.throttle(RETRY_AFTER_S)],
    outcome: ofAll(
      failing('provider_throttles', 'refresh_cooling_down rate_limited', {
        code: 'refresh_cooling_down',
        reason: 'provider_throttles',
        retryAfterMs: expect.toSatisfy((ms: number) => ms > RETRY_AFTER_S * 1_000 - 5_000),
      }),
    ),
  },
  'answers 200 with an error of its own': {
    meets: () => [misbehave.errorWithStatus200('no_such_thing')],
    outcome: ofAll(misconfigured('unknown_error')),
  },
  'answers 200 with invalid_grant, twice': {
    meets: () => [misbehave.errorWithStatus200(), misbehave.errorWithStatus200()],
    outcome: ofAll(suspect),
    asks: TWICE,
  },
  'answers 200 with ok: false and an error that its profile lists, twice': {
    meets: () => [misbehave.notOk(), misbehave.notOk()],
    outcome: ofAll(suspect),
    asks: TWICE,
  },
  'names no expires_in': { meets: () => [misbehave.withoutExpiry()], outcome: ofAll(RENEWED) },
  'names no refresh_token': { meets: () => [misbehave.withoutRefreshToken()], outcome: ofAll(RENEWED) },
  'answers 200 with HTML': { meets: () => [misbehave.html()], outcome: unknown('answer_unreadable') },
  'answers 502 with HTML': { meets: () => [misbehave.html(502)], outcome: unknown('provider_error') },
  'answers 200 with 50 MB': { meets: () => [misbehave.huge()], outcome: unknown('answer_too_large') },
  redirects: {
    meets: () => [misbehave.redirect('http://127.0.0.1:1/token')],
    outcome: {
      ...unknown('redirected', 'provider_misconfigured'),
      never: misconfigured('redirected'),
      rejecting: {
        ...misconfigured('redirected'),
        condition: { kind: 'failing', reason: 'provider_misconfigured', unknownSince: expect.any(Number) },
      },
    },
  },
  'answers with the wrong content type': { meets: () => [misbehave.wrongContentType()], outcome: ofAll(RENEWED) },
  'answers invalid_client': {
    meets: () => [misbehave.invalidClient()],
    outcome: ofAll(misconfigured('client_refused')),
  },
  'answers invalid_grant once': { meets: () => [misbehave.invalidGrant()], outcome: ofAll(RENEWED), asks: TWICE },
  'answers invalid_grant twice': {
    meets: () => [misbehave.invalidGrant(), misbehave.invalidGrant()],
    outcome: ofAll(suspect),
    asks: TWICE,
  },
  'cuts the connection after the request': { meets: () => [misbehave.cut()], outcome: unknown('connection_cut') },
};

describe.each(Object.keys(KINDS) as Kind[])('a provider whose refresh tokens are spent so: %s', (kind) => {
  let provider: MisbehavingProvider;
  let patient: Refreshes;
  let impatient: Refreshes;
  let refreshes: Refreshes;
  let user: UserId;

  beforeAll(async () => {
    provider = await openMisbehavingProvider();
    const errors = { grant_dead: ['invalid_grant', 'token_revoked'] };
    const profile = profileOf(provider, kind, { errors });
    patient = await openRefreshes({ profile, timeoutMs: 5_000 });
    impatient = await openRefreshes({ profile, timeoutMs: 500 });
    await patient.succeed();
    await impatient.succeed();
  });
  afterAll(async () => {
    await patient.close();
    await impatient.close();
    await provider.close();
  });

  /** What the provider was sent since `from`. */
  const spentSince = (from: number) => provider.refreshTokens().slice(from);

  it.each(Object.entries(CASES))('and that %s', async (_name, { meets, outcome, asks = 1, ...how }) => {
    refreshes = how.impatient ? impatient : patient;
    user = await refreshes.connect({});
    const from = provider.requests.length;
    provider.script(...meets());
    const expected = outcome[kind];
    expect(await refreshes.ask(user)).toMatchObject(expected.answer);
    const { condition, lease } = await refreshes.recordOf(user);
    expect({ condition, lease }).toMatchObject({ condition: expected.condition, lease: null });
    expect(spentSince(from)).toEqual(Array(asks).fill('refresh-0'));
    const trail = ['StoreToken ok', 'RefreshToken started', `RefreshToken ${expected.audited}`];
    expect(refreshes.auditOf(user)).toEqual(trail);
    expect(refreshes.changesOf(user)).toEqual(['CONNECTED', expected.change]);
    if (condition.kind === 'failing' && expected.isSpent) {
      refreshes.pass(condition.retryAt - refreshes.vault.now() + 1);
      expect(await refreshes.ask(user)).toMatchObject({ code: 'expired_token', reason: 'outcome_unknown' });
      expect(spentSince(from)).toEqual(['refresh-0']);
    } else if (condition.kind === 'failing') {
      await restsAndRecovers(condition.retryAt, meets, expected, asks);
    } else if (condition.kind === 'dead') {
      await isLeftAlone(expected);
    }
  });

  /** Nobody is asked before the time; a second failure is told nobody; and the same refresh token serves. */
  const restsAndRecovers = async (
    retryAt: number,
    meets: () => readonly Behaviour[],
    { condition }: ExpectedOutcome,
    asks: number,
  ) => {
    const from = provider.requests.length;
    expect(await refreshes.ask(user)).toMatchObject(
      'reason' in condition && condition.reason === 'provider_misconfigured'
        ? { code: 'provider_misconfigured' }
        : { code: 'refresh_cooling_down', retryAfterMs: expect.any(Number) },
    );
    expect(spentSince(from)).toEqual([]);
    refreshes.pass(retryAt - refreshes.vault.now() + 1);
    provider.script(...meets());
    await refreshes.ask(user);
    const again = (await refreshes.recordOf(user)).condition;
    expect(again).toMatchObject({ ...condition, failures: 2 });
    if (again.kind !== 'failing') return;
    refreshes.pass(again.retryAt - refreshes.vault.now() + 1);
    expect(await refreshes.ask(user)).toMatchObject({ code: 'ok', warning: null });
    expect(spentSince(from)).toEqual(Array(asks + 1).fill('refresh-0'));
    expect(refreshes.changesOf(user)).toEqual(['CONNECTED', 'EXPIRED', 'RECOVERED']);
  };

  const isLeftAlone = async ({ answer }: ExpectedOutcome) => {
    const from = provider.requests.length;
    refreshes.pass(24 * 3_600_000);
    expect(await refreshes.ask(user)).toMatchObject(answer);
    await refreshes.refresher().processDue(user, refreshes.platform);
    expect(spentSince(from)).toEqual([]);
    expect(refreshes.changesOf(user)).toEqual(['CONNECTED', 'EXPIRED']);
  };
});
