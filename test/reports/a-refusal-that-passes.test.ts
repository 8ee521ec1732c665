import { misbehave } from '@vault-engine/authorization-server';
import { afterEach, describe, expect, it } from 'vitest';
import {
  openProviderAndRefreshes,
  type ProviderAndRefreshes,
  refuseUntilBelieved,
} from '../refresh/open-provider-and-refreshes.ts';

// Some providers say invalid_grant while they are busy, while an account is disabled, or to a client that they don't know.

const MINUTE_MS = 60_000;

let its: ProviderAndRefreshes;
afterEach(() => its.close());

describe('invalid_grant', () => {
  it.each([5_000, 90_000, 10 * MINUTE_MS])('that is over after %i ms loses no connection', async (forMs) => {
    its = await openProviderAndRefreshes({ kind: 'never' });
    await its.succeed();
    const user = await its.connect({});
    const over = its.vault.now() + forMs;
    its.provider.otherwise(misbehave.invalidGrant());
    expect(await its.ask(user)).toMatchObject({ code: 'provider_unavailable', reason: 'grant_refused' });
    while (its.vault.now() < over) {
      its.pass(MINUTE_MS);
      await its.refresher().processDue(user, its.platform);
    }
    its.provider.otherwise(misbehave.refresh());
    const { condition } = await its.recordOf(user);
    if (condition.kind !== 'failing') return expect.fail(condition.kind);
    its.pass(condition.retryAt - its.vault.now() + 1);
    expect(await its.ask(user)).toMatchObject({ code: 'ok', warning: null });
    expect(its.changesOf(user).at(-1)).toBe('RECOVERED');
  });

  it('that stays asks the user within minutes while others succeed', async () => {
    its = await openProviderAndRefreshes({ kind: 'never' });
    const user = await its.connect({});
    const took = await refuseUntilBelieved(its, user);
    expect(took).toBeGreaterThanOrEqual(30 * MINUTE_MS);
    expect(took).toBeLessThan(45 * MINUTE_MS);
    expect(await its.ask(user)).toMatchObject({ code: 'expired_token', reason: 'grant_refused' });
  });

  it('to everyone for 90 minutes asks nobody, and those who were truly revoked within an hour of the end', async () => {
    its = await openProviderAndRefreshes({ kind: 'never' });
    await its.succeed();
    const users = await Promise.all(Array.from({ length: 8 }, () => its.connect({})));
    const [gone, ...others] = users;
    if (gone === undefined) return expect.fail('nobody');
    const processAll = async (during: readonly (typeof gone)[]) => {
      for (const user of during) await its.refresher().processDue(user, its.platform);
      its.pass(5 * MINUTE_MS);
    };
    its.provider.otherwise(misbehave.invalidGrant());
    for (let minutes = 0; minutes < 90; minutes += 5) await processAll(users);
    for (const user of users) expect((await its.recordOf(user)).condition.kind).not.toBe('dead');
    its.provider.otherwise(misbehave.refresh());
    for (let minutes = 0; minutes < 60; minutes += 5) {
      await processAll(others);
      its.provider.otherwise(misbehave.invalidGrant());
      await its.refresher().processDue(gone, its.platform);
      its.provider.otherwise(misbehave.refresh());
    }
    expect((await its.recordOf(gone)).condition.kind).toBe('dead');
    for (const user of others) expect((await its.recordOf(user)).condition.kind).toBe('good');
  });

  it('to a client that has had no success is the operator’s, and kills nothing', async () => {
    its = await openProviderAndRefreshes({ kind: 'never' });
    const user = await its.connect({});
    its.provider.otherwise(misbehave.invalidGrant());
    for (let hours = 0; hours < 72; hours += 6) {
      expect(await its.ask(user)).toMatchObject({ code: 'provider_misconfigured' });
      its.pass(6 * 3_600_000);
    }
    its.provider.otherwise(misbehave.refresh());
    expect(await its.ask(user)).toMatchObject({ code: 'ok' });
  });
});
