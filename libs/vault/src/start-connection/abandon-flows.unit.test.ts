import { describe, expect, it } from 'vitest';
import { type AuditEntry, type ConnectionEvent, type Journal, PortUnavailable } from '../ports.ts';
import { flowOn, GMAIL, NOW, NOW_MICROS, nobody, SLACK, USER, withFlows } from '../testing/flow-samples.ts';
import type { Applied, Change, PendingRef, UserView } from '../token-store.ts';
import { abandonFlows } from './abandon-flows.ts';

const PENDING = 'p1' as PendingRef;

/** One user in memory, behind a clock of its own. `meanwhile` is what somebody else does before each change is applied. */
const openStore = (first: UserView, meanwhile: (view: UserView) => UserView = (view) => view) => {
  const state = { view: first };
  const [applied, settled]: [Change[], PendingRef[]] = [[], []];
  const apply = async (change: Change): Promise<Applied> => {
    state.view = meanwhile(state.view);
    const { user, flows } = state.view;
    if (user === null || user.revision !== change.expectedRevision) return { kind: 'conflict' };
    applied.push(change);
    state.view = { ...state.view, user: { ...user, revision: change.revision }, flows: change.flows ?? flows };
    return { kind: 'applied', pending: PENDING };
  };
  const store = {
    readUser: async () => state.view,
    apply,
    settle: async (refs: readonly PendingRef[]) => {
      settled.push(...refs);
    },
  };
  return { store, state, applied, settled };
};

/** Keeps what is told in the clear. */
const openJournal = (refuses = false) => {
  const told: { audits: AuditEntry[]; events: ConnectionEvent[] } = { audits: [], events: [] };
  const refuse = async (): Promise<void> => {
    if (refuses) throw new PortUnavailable('audit', 'the brokers do not answer');
  };
  const journal: Journal = {
    encodeAudit: (entry) => Buffer.from(JSON.stringify(entry)),
    encodeEvent: (event) => Buffer.from(JSON.stringify(event)),
    record: async (audit) => {
      await refuse();
      told.audits.push(JSON.parse(audit.toString()));
    },
    publish: async (_user, event) => {
      await refuse();
      told.events.push(JSON.parse(event.toString()));
    },
  };
  return { journal, told };
};

const open = (view: UserView, meanwhile?: (view: UserView) => UserView, refuses?: boolean) => {
  const { store, ...seen } = openStore(view, meanwhile);
  const { journal, told } = openJournal(refuses);
  let made = 0;
  const uuid = (): string => {
    made += 1;
    return `id-${made}`;
  };
  return { ...seen, told, abandon: () => abandonFlows({ store, journal, now: () => NOW, uuid }, USER) };
};

const somebodyElse = (view: UserView): UserView =>
  view.user === null ? view : { ...view, user: { ...view.user, revision: view.user.revision + 1 } };

describe('abandoning flows', () => {
  it('ends those that are past their time, in one change, and leaves the others', async () => {
    const later = flowOn(SLACK, 1);
    const { abandon, applied, settled, told } = open(withFlows(flowOn(GMAIL, 0), later));
    expect(await abandon()).toBe(1);
    expect(applied).toMatchObject([{ flows: [later], put: null, remove: [], leaseOwner: null, dedupe: null }]);
    expect(settled).toEqual([PENDING]);
    expect(told.audits).toMatchObject([
      {
        action: 'AbandonFlow',
        engine: 'refresh-scheduler',
        requestId: null,
        keyId: null,
        result: 'ok',
        userId: USER,
        platform: GMAIL,
      },
    ]);
    expect(told.events).toMatchObject([
      {
        platform: GMAIL,
        change: 'FLOW_ABANDONED',
        engine: null,
        revision: NOW_MICROS,
        view: { status: 'MISSING', action: 'CONNECT' },
      },
    ]);
  });

  it('has an event for each of several flows', async () => {
    const { abandon, told } = open(withFlows(flowOn(GMAIL, 0), flowOn(SLACK, -5)));
    expect(await abandon()).toBe(2);
    expect(told.events.map(({ platform }) => platform)).toEqual([GMAIL, SLACK]);
    expect(new Set(told.events.map(({ id }) => id)).size).toBe(2);
    expect(told.audits).toMatchObject([{ platform: null }]);
  });

  it('goes by the store’s clock, which brought the flow up', async () => {
    const ahead = { ...withFlows(flowOn(GMAIL, 1_000)), nowMicros: NOW_MICROS + 1_000_000 };
    const { abandon, told } = open(ahead);
    expect(await abandon()).toBe(1);
    expect(told.events).toMatchObject([{ view: { action: 'CONNECT' } }]);
  });

  it('does nothing for flows in time, for none, and for a user who is gone', async () => {
    for (const view of [withFlows(flowOn(GMAIL, 1)), withFlows(), nobody]) {
      const { abandon, applied } = open(view);
      expect([await abandon(), applied]).toEqual([0, []]);
    }
  });

  it('reads and decides again after a conflict', async () => {
    const changes = [somebodyElse];
    const { abandon, applied } = open(withFlows(flowOn(GMAIL, 0)), (view) => changes.pop()?.(view) ?? view);
    expect(await abandon()).toBe(1);
    expect(applied).toMatchObject([{ expectedRevision: 6 }]);
  });

  it('does nothing once the flow was finished or started anew meanwhile', async () => {
    for (const flows of [[], [flowOn(GMAIL, 5_000, 'anew')]]) {
      const { abandon, applied } = open(withFlows(flowOn(GMAIL, 0)), (view) => ({ ...somebodyElse(view), flows }));
      expect([await abandon(), applied]).toEqual([0, []]);
    }
  });

  it('of two at once is one’s, with one event', async () => {
    const { abandon, told } = open(withFlows(flowOn(GMAIL, 0)));
    expect((await Promise.all([abandon(), abandon()])).toSorted()).toEqual([0, 1]);
    expect([told.events.length, told.audits.length]).toEqual([1, 1]);
  });

  it('gives up after a conflict each time', async () => {
    const { abandon, applied } = open(withFlows(flowOn(GMAIL, 0)), somebodyElse);
    await expect(abandon()).rejects.toMatchObject({ name: 'PortUnavailable', port: 'storage' });
    expect(applied).toEqual([]);
  });

  it('leaves the transition pending when it is not acknowledged', async () => {
    const { abandon, applied, settled } = open(withFlows(flowOn(GMAIL, 0)), undefined, true);
    await expect(abandon()).rejects.toMatchObject({ name: 'PortUnavailable', port: 'audit' });
    expect([applied.length, settled]).toEqual([1, []]);
  });
});
