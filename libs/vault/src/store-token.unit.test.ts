import { secretOf } from '@vault-engine/crypto/plaintext';
import { describe, expect, it } from 'vitest';
import type { Flow } from './model.ts';
import { storeToken } from './store-token.ts';
import { callOf, flowOn, GMAIL, keys, NOW, platforms, SLACK, USER, withFlows } from './testing/flow-samples.ts';

const stored = async (flows: readonly Flow[]) => {
  const mutation = storeToken(
    { platforms, keys, providers: { terms: () => null }, now: () => NOW },
    callOf('StoreToken'),
    {
      user: USER,
      platform: GMAIL,
      access: secretOf(Buffer.from('a')),
      refresh: null,
      metadata: { tokenType: 'Bearer', scopes: [], expiresAt: null, refreshExpiresAt: null, params: {} },
    },
  );
  const decision = await mutation.decide(withFlows(...flows));
  return decision.kind === 'change' ? decision : expect.fail(`decided ${decision.kind}`);
};

describe('storing', () => {
  it('closes the flow of its platform, open or past its time, and no other', async () => {
    expect((await stored([flowOn(GMAIL), flowOn(SLACK)])).write.flows).toEqual([flowOn(SLACK)]);
    expect((await stored([flowOn(GMAIL, -1)])).write.flows).toEqual([]);
  });

  it('leaves the flows as they are where none is on its platform', async () => {
    expect((await stored([flowOn(SLACK)])).write.flows).toBeNull();
  });

  it('is told as one event, as without a flow', async () => {
    const { events } = await stored([flowOn(GMAIL)]);
    expect(events).toMatchObject([{ change: 'CONNECTED', view: { status: 'CONNECTED', action: 'NONE' } }]);
  });
});
