import { describe, expect, it } from 'vitest';
import {
  callOf,
  FLOW_MS,
  flowOn,
  GMAIL,
  keys,
  NOW,
  NOW_MICROS,
  NOWHERE,
  nobody,
  platforms,
  SLACK,
  USER,
  WRAPPED,
  withFlows,
} from '../testing/flow-samples.ts';
import { isFlowId, type StartConnection, startConnection } from './start-connection.ts';

const parts = { platforms, keys, now: () => NOW, uuid: () => 'made-up' };
const start = (fields: Partial<StartConnection> = {}) =>
  startConnection(parts, callOf('StartConnection'), { user: USER, platform: GMAIL, flowId: null, ...fields });
const decided = async (view: typeof nobody, fields: Partial<StartConnection> = {}) => {
  const decision = await start(fields).decide(view);
  return decision.kind === 'change' ? decision : expect.fail(`decided ${decision.kind}`);
};

describe('a start', () => {
  it('is refused on a platform that there is not', async () => {
    const failure = expect.objectContaining({ code: 'invalid_request', reason: 'unknown_platform' });
    expect(await start({ platform: NOWHERE }).decide(nobody)).toEqual({ kind: 'refuse', failure });
  });

  it('opens a flow for the time in the profile, and suggests to resume it', async () => {
    const { value, write, events } = await decided(withFlows(), { flowId: 'mine' });
    expect(value).toEqual({ platform: GMAIL, flowId: 'mine', expiresAt: NOW + FLOW_MS, revision: NOW_MICROS });
    expect(write).toEqual({
      revision: NOW_MICROS,
      dataKey: null,
      put: null,
      remove: [],
      flows: [{ id: 'mine', platform: GMAIL, startedAt: NOW, expiresAt: NOW + FLOW_MS }],
      forget: false,
    });
    const view = expect.objectContaining({ status: 'MISSING', action: 'RESUME', reason: null });
    expect(events).toEqual([{ platform: GMAIL, change: 'FLOW_STARTED', view }]);
  });

  it('names the flow where the caller has not', async () => {
    const { value, write } = await decided(withFlows());
    expect([value.flowId, write.flows?.[0]?.id]).toEqual(['made-up', 'made-up']);
  });

  it('makes a row with a data key for a user who is new', async () => {
    expect((await decided(nobody)).write.dataKey).toBe(WRAPPED);
  });

  it('takes the place of the open flow on the same platform, and of no other', async () => {
    const { write } = await decided(withFlows(flowOn(GMAIL), flowOn(SLACK)), { flowId: 'second' });
    expect(write.flows?.map(({ platform, id }) => [platform, id])).toEqual([
      [SLACK, 'f0'],
      [GMAIL, 'second'],
    ]);
  });

  it('is the same command where it names the same flow, and another where it names another or none', () => {
    const digestOf = (flowId: string | null) => start({ flowId }).digest.toString('hex');
    expect(digestOf('a')).toBe(digestOf('a'));
    expect(new Set(['a', 'b', null].map(digestOf)).size).toBe(3);
  });
});

describe('the name of a flow', () => {
  it('has 1 to 128 characters of a closed set', () => {
    expect(['f', 'A-Z_a.z~0:9', 'x'.repeat(128)].map(isFlowId)).toEqual([true, true, true]);
    expect(['', 'x'.repeat(129), 'a b', 'a\n', 'a/b', '"', 'ü', '\u0000'].filter(isFlowId)).toEqual([]);
  });
});
