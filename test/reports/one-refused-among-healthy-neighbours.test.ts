import { misbehave } from '@vault-engine/authorization-server';
import { status, type UserId } from '@vault-engine/vault';
import { afterEach, describe, expect, it } from 'vitest';
import { openProviderAndRefreshes, type ProviderAndRefreshes } from '../refresh/open-provider-and-refreshes.ts';

// A dead grant goes by many words. That one connection fails while the others don't is what tells it from the operator's fault.

const HOUR_MS = 3_600_000;
const DAY_MS = 24 * HOUR_MS;

type Answer = () => ReturnType<typeof misbehave.refresh>;

const status401 =
  (body: string): Answer =>
  () =>
  (response) => {
    response.writeHead(401, { 'content-type': 'text/plain' }).end(body);
  };
const json =
  (code: number, body: unknown): Answer =>
  () =>
  (response) => {
    response.writeHead(code, { 'content-type': 'application/json' }).end(JSON.stringify(body));
  };

let its: ProviderAndRefreshes;
afterEach(() => its.close());

/** Refuses one user for so long, hour by hour, while another one's refreshes succeed. */
const refuseFor = async (user: UserId, answer: Answer, forMs: number): Promise<void> => {
  const until = its.vault.now() + forMs;
  while (its.vault.now() < until) {
    await its.succeed();
    its.provider.otherwise(answer());
    await its.refresher().processDue(user, its.platform);
    its.provider.otherwise(misbehave.refresh());
    its.pass(HOUR_MS);
  }
};
const viewOf = async (user: UserId) => status(await its.recordOf(user), its.vault.now());

describe.each<[name: string, answer: Answer, bound: number]>([
  ['403 unauthorized_client', json(403, { error: 'unauthorized_client' }), DAY_MS],
  ['401 invalid_client', json(401, { error: 'invalid_client' }), DAY_MS],
  ['401 in plain text', status401('no'), DAY_MS],
  ['400 invalid_request', json(400, { error: 'invalid_request' }), DAY_MS],
  ['401 with an error object', json(401, { error: { code: 401 } }), DAY_MS],
  ['500', json(500, {}), 7 * DAY_MS],
  ['503', json(503, {}), 7 * DAY_MS],
])('%s', (_name, answer, bound) => {
  it('for one user asks that user within the bound', async () => {
    its = await openProviderAndRefreshes({ kind: 'never' });
    await its.succeed();
    const user = await its.connect({});
    await refuseFor(user, answer, bound / 4);
    expect(await viewOf(user)).toMatchObject({ status: 'EXPIRED', action: 'RETRY' });
    await refuseFor(user, answer, bound);
    expect(await viewOf(user)).toMatchObject({ status: 'EXPIRED', action: 'REAUTH' });
    expect(await its.ask(user)).toMatchObject({ code: 'expired_token' });
  });

  it('for all asks nobody', async () => {
    its = await openProviderAndRefreshes({ kind: 'never' });
    await its.succeed();
    const users = await Promise.all(Array.from({ length: 5 }, () => its.connect({})));
    its.provider.otherwise(answer());
    for (let hours = 0; hours < bound / HOUR_MS + 2; hours += 6) {
      for (const user of users) await its.refresher().processDue(user, its.platform);
      its.pass(6 * HOUR_MS);
    }
    for (const user of users) expect(await viewOf(user)).toMatchObject({ status: 'EXPIRED', action: 'RETRY' });
    its.provider.otherwise(misbehave.refresh());
    its.pass(HOUR_MS);
    for (const user of users) {
      await its.refresher().processDue(user, its.platform);
      expect(await its.ask(user)).toMatchObject({ code: 'ok' });
    }
  });
});
