import { misbehave } from '@vault-engine/authorization-server';
import { afterEach, describe, expect, it } from 'vitest';
import { openProviderAndRefreshes, type ProviderAndRefreshes } from '../refresh/open-provider-and-refreshes.ts';
import type { Kind } from '../refresh/profiles.ts';

// The provider rotates, and a gateway answers in its place: the refresh token is spent, whatever the status says.

const ANSWERS = [
  ['502 with HTML', () => misbehave.html(502)],
  ['504 with HTML', () => misbehave.html(504)],
  ['524 with HTML', () => misbehave.html(524)],
  ['403 with HTML', () => misbehave.html(403)],
  ['500 with JSON', () => misbehave.serverError()],
  ['a redirect', () => misbehave.redirect('https://login.example/')],
  ['a cut connection', () => misbehave.cut()],
] as const;

let its: ProviderAndRefreshes;
afterEach(() => its.close());
const open = async (kind: Kind, graceS?: number): Promise<void> => {
  const rotation = { mode: 'always', on_reuse: 'revoke_family', grace_s: graceS ?? 0 } as const;
  its = await openProviderAndRefreshes({ kind, ...(graceS !== undefined && { profile: { rotation } }) });
  await its.succeed();
};

describe.each(ANSWERS)('%s', (_name, answer) => {
  it('never sends a refresh token twice where a second use ends the grant', async () => {
    await open('revoking');
    const user = await its.connect({ refresh: 'once' });
    its.provider.script(answer());
    expect(await its.ask(user)).toMatchObject({ code: 'expired_token', reason: 'outcome_unknown' });
    its.pass(7 * 24 * 3_600_000);
    await its.refresher().processDue(user, its.platform);
    await its.ask(user);
    expect(its.sent('once')).toBe(1);
    expect((await its.recordOf(user)).condition).toMatchObject({ kind: 'dead', reason: 'outcome_unknown' });
  });

  it('is resolved within a grace of 30 seconds', async () => {
    await open('graced', 30);
    const user = await its.connect({ refresh: 'graced' });
    its.provider.script(answer());
    await its.ask(user);
    const { condition } = await its.recordOf(user);
    if (condition.kind !== 'failing') return expect.fail(condition.kind);
    expect(condition).toMatchObject({ unknownSince: expect.any(Number) });
    const waits = condition.retryAt - its.vault.now();
    expect(waits).toBeLessThanOrEqual(15_000);
    its.pass(waits + 1);
    expect(await its.ask(user)).toMatchObject({ code: 'ok' });
    expect(its.sent('graced')).toBe(2);
  });

  it('changes nothing where refresh tokens are never spent', async () => {
    await open('never');
    const user = await its.connect({ refresh: 'kept' });
    its.provider.script(answer());
    await its.ask(user);
    const { condition } = await its.recordOf(user);
    if (condition.kind !== 'failing') return expect.fail(condition.kind);
    expect(condition.unknownSince).toBeNull();
    its.pass(condition.retryAt - its.vault.now() + 1);
    expect(await its.ask(user)).toMatchObject({ code: 'ok' });
  });
});
