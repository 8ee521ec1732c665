import { describe, expect, it } from 'vitest';
import type { ConnectionRecord, Flow } from '../connection-record.ts';
import { connectionOf, patient, terms } from '../testing/connection-samples.ts';
import { callOf, flowOn, GMAIL, keys, NOW, SLACK, USER, WRAPPED, withFlows } from '../testing/flow-samples.ts';
import { revokeToken } from './revoke-token.ts';

/** A revocation whose provider refuses, and how often it was asked. */
const revocation = (stored: { record: ConnectionRecord | null } = { record: connectionOf(3) }) => {
  let asked = 0;
  const mutation = revokeToken(
    {
      store: {
        readConnection: async () => ({ user: { revision: 5, dataKey: WRAPPED }, record: stored.record }),
        claim: async () => ({ kind: 'claimed', before: null }),
      },
      keys,
      journal: {
        encodeAudit: () => Buffer.alloc(0),
        encodeEvent: () => Buffer.alloc(0),
        record: async () => undefined,
        publish: async () => undefined,
      },
      providers: {
        terms: () => terms,
        refreshTimeoutMs: 20_000,
        revoke: async () => {
          asked += 1;
          return { kind: 'failed', reason: 'provider_error' };
        },
      },
      now: () => NOW,
      uuid: () => 'id',
    },
    callOf('RevokeToken'),
    { user: USER, platform: GMAIL },
    patient,
  );
  const decide = (record: ConnectionRecord, ...flows: readonly Flow[]) =>
    mutation.decide({ ...withFlows(...flows), connections: new Map([[GMAIL, record]]) });
  return { mutation, decide, asked: () => asked };
};

const FAILED = { outcome: 'failed', reason: 'provider_error' };

describe('revoking', () => {
  it('deletes the connection whatever the provider says, and answers what it said', async () => {
    expect(await revocation().decide(connectionOf(3))).toMatchObject({
      kind: 'change',
      value: { platform: GMAIL, provider: FAILED },
      write: { remove: [GMAIL] },
      recordVersion: 3,
    });
  });

  it('asks the provider once when it is decided again, and again for other credentials', async () => {
    const { decide, asked } = revocation();
    await decide(connectionOf(3));
    expect(await decide(connectionOf(3))).toMatchObject({ value: { provider: FAILED } });
    expect(asked()).toBe(1);
    await decide(connectionOf(4));
    expect(asked()).toBe(2);
  });

  it('asks no provider without a connection', async () => {
    const { mutation, asked } = revocation();
    expect(await mutation.decide(withFlows())).toMatchObject({ failure: { code: 'not_connected' } });
    const gone = revocation({ record: null });
    expect(await gone.decide(connectionOf(3))).toMatchObject({ failure: { code: 'not_connected' } });
    expect([asked(), gone.asked()]).toEqual([0, 0]);
  });

  it('answers a repetition as before, also one from a version that asked no provider', () => {
    const { mutation } = revocation();
    const value = { platform: GMAIL, revision: 6 };
    expect(mutation.recalled({ ...value, provider: FAILED })).toEqual({ ...value, provider: FAILED });
    expect(mutation.recalled(value)).toEqual({ ...value, provider: null });
  });

  it('keeps flows, and suggests to resume one on its platform', async () => {
    expect(await revocation().decide(connectionOf(3), flowOn(GMAIL), flowOn(SLACK))).toMatchObject({
      write: { remove: [GMAIL], flows: null },
      events: [{ change: 'REVOKED', view: { status: 'MISSING', action: 'RESUME' } }],
    });
  });

  it('suggests to connect without an open flow on its platform', async () => {
    for (const flow of [flowOn(SLACK), flowOn(GMAIL, 0)])
      expect(await revocation().decide(connectionOf(3), flow)).toMatchObject({
        events: [{ view: { status: 'MISSING', action: 'CONNECT' } }],
      });
  });
});
