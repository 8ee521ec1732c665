import { misbehave } from '@vault-engine/authorization-server';
import { afterEach, describe, expect, it } from 'vitest';
import { openProviderAndRefreshes, type ProviderAndRefreshes } from '../refresh/open-provider-and-refreshes.ts';
import { KINDS, type Kind } from '../refresh/profiles.ts';

// Answers grow with the groups of a user: a long access token, and an ID token beside it that the vault does not use.
// eclipse-apoapsis/ort-server#1058, AzureAD/microsoft-authentication-library-for-js#4947.

let its: ProviderAndRefreshes;
afterEach(() => its.close());

const KIB = 1_024;
const LONGEST = 32 * KIB;

describe.each(Object.keys(KINDS) as Kind[])('at a provider of kind %s', (kind) => {
  it('an answer of nearly a mebibyte is read, whatever fills it', async () => {
    its = await openProviderAndRefreshes({ kind });
    const user = await its.connect({});
    const access = 'a'.repeat(LONGEST);
    its.provider.script(
      misbehave.refresh({ access_token: access, id_token: 'i'.repeat(45 * KIB), padding: 'p'.repeat(900 * KIB) }),
    );
    expect(await its.ask(user)).toMatchObject({ code: 'ok', access, warning: null });
    expect((await its.recordOf(user)).condition).toEqual({ kind: 'good' });
  });

  it('an access token over the limit does not cost the new refresh token, which is stored and used next', async () => {
    its = await openProviderAndRefreshes({ kind });
    const user = await its.connect({ expiresInMs: -1 });
    its.provider.script(misbehave.refresh({ access_token: 'a'.repeat(LONGEST + 1) }));
    expect(await its.ask(user)).toMatchObject({ code: 'provider_misconfigured' });
    expect(its.auditOf(user).at(-1)).toBe('RefreshToken provider_misconfigured access_token_too_long');
    expect((await its.recordOf(user)).condition).toMatchObject({
      kind: 'failing',
      reason: 'provider_misconfigured',
      failures: 1,
      unknownSince: null,
    });
    its.pass(3_600_000);
    expect(await its.ask(user)).toMatchObject({ code: 'ok', access: 'access-2' });
    expect(its.provider.refreshTokens()).toEqual(['refresh-0', 'refresh-1']);
  });

  it('the old access token is served with a warning while the new ones are over the limit', async () => {
    its = await openProviderAndRefreshes({ kind });
    const user = await its.connect({ access: 'valid', expiresInMs: 7_200_000 });
    const { tokenVersion } = await its.recordOf(user);
    its.provider.otherwise(misbehave.refresh({ access_token: 'a'.repeat(LONGEST + 1) }));
    its.pass(7_000_000);
    await its.refresher().processDue(user, its.platform);
    expect((await its.recordOf(user)).tokenVersion).toBe(tokenVersion);
    expect(await its.ask(user)).toMatchObject({ code: 'ok', access: 'valid', warning: 'provider_misconfigured' });
  });
});
