import { misbehave } from '@vault-engine/authorization-server';
import type { UserId } from '@vault-engine/vault';
import { afterEach, describe, expect, it } from 'vitest';
import { openProviderAndRefreshes, type ProviderAndRefreshes } from '../refresh/open-provider-and-refreshes.ts';

// The profile fears that a second use ends the grant. The connection's own refreshes say what this provider does.

const HOUR_MS = 3_600_000;

let its: ProviderAndRefreshes;
afterEach(() => its.close());

/** A connection that was refreshed as often as there are answers. */
const refreshed = async (...answers: readonly ReturnType<typeof misbehave.refresh>[]): Promise<UserId> => {
  its = await openProviderAndRefreshes({ kind: 'revoking' });
  const user = await its.connect({ refresh: 'same' });
  for (const answer of answers) {
    its.provider.script(answer);
    expect(await its.ask(user)).toMatchObject({ code: 'ok' });
    its.pass(HOUR_MS);
  }
  return user;
};
const kept = () => misbehave.withoutRefreshToken();
const repeated = () => misbehave.refresh({ refresh_token: 'same' });
const rotated = () => misbehave.refresh({ refresh_token: 'another' });

describe('a lost answer', () => {
  it.each([
    ['brought no refresh token', [kept(), kept(), kept()]],
    ['repeated the refresh token', [repeated(), repeated()]],
    ['brought none the one time there was', [kept()]],
  ])('is no loss where the refreshes so far %s', async (_name, answers) => {
    const user = await refreshed(...answers);
    its.provider.script(misbehave.cut());
    expect(await its.ask(user)).toMatchObject({ code: 'provider_unavailable' });
    const { condition } = await its.recordOf(user);
    if (condition.kind !== 'failing') return expect.fail(condition.kind);
    its.pass(condition.retryAt - its.vault.now() + 1);
    expect(await its.ask(user)).toMatchObject({ code: 'ok' });
  });

  it.each([
    ['none was done yet', [], 'same'],
    ['the last one rotated', [kept(), rotated()], 'another'],
    ['an earlier one rotated', [rotated(), kept()], 'another'],
  ] as const)('may have spent the refresh token where %s', async (_name, answers, current) => {
    const user = await refreshed(...answers);
    const before = its.sent(current);
    its.provider.script(misbehave.cut());
    expect(await its.ask(user)).toMatchObject({ code: 'expired_token', reason: 'outcome_unknown' });
    its.pass(HOUR_MS);
    await its.ask(user);
    expect(its.sent(current)).toBe(before + 1);
  });
});
