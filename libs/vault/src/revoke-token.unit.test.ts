import { describe, expect, it } from 'vitest';
import type { Flow } from './model.ts';
import { revokeToken } from './revoke-token.ts';
import { callOf, flowOn, GMAIL, NOW, SLACK, USER, withFlows } from './testing/flow-samples.ts';

const revoked = (...flows: readonly Flow[]) => {
  const connections = new Map([[GMAIL, { version: 3 } as never]]); // nothing else of it is looked at
  const mutation = revokeToken({ now: () => NOW }, callOf('RevokeToken'), { user: USER, platform: GMAIL });
  return mutation.decide({ ...withFlows(...flows), connections });
};

describe('revoking', () => {
  it('leaves flows alone, and tells that one on its platform can be resumed', () => {
    expect(revoked(flowOn(GMAIL), flowOn(SLACK))).toMatchObject({
      write: { remove: [GMAIL], flows: null },
      events: [{ change: 'REVOKED', view: { status: 'MISSING', action: 'RESUME' } }],
    });
  });

  it('tells to connect where no flow on its platform is open', () => {
    for (const flow of [flowOn(SLACK), flowOn(GMAIL, 0)])
      expect(revoked(flow)).toMatchObject({ events: [{ view: { status: 'MISSING', action: 'CONNECT' } }] });
  });
});
