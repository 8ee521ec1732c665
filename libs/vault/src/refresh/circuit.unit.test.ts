import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { NOW } from '../testing/flow-samples.ts';
import { admit, type CircuitReport, type CircuitState, NEW_CIRCUIT, record } from './circuit.ts';

const TIMEOUT_MS = 40_000;

const report = (state: CircuitState, now: number, what: CircuitReport, id = 'r') =>
  record(state, { id, now, timeoutMs: TIMEOUT_MS, report: what });
const enter = (state: CircuitState, now: number, id = 'r', forced = false) =>
  admit(state, { id, now, timeoutMs: TIMEOUT_MS, forced });

const failure = (kind = 'grant_dead 400 invalid_grant', began = true): CircuitReport => ({
  kind: 'failure',
  failure: kind,
  reason: 'provider_unavailable',
  began,
});
const stateAfter = (
  reports: readonly CircuitReport[],
  state: CircuitState = NEW_CIRCUIT,
  stepMs = 1_000,
): CircuitState => reports.reduce((current, what, step) => report(current, NOW + step * stepMs, what).state, state);
const successes = (count: number): CircuitReport[] => Array.from({ length: count }, () => ({ kind: 'success' }));
const failures = (count: number): CircuitReport[] => Array.from({ length: count }, () => failure());

describe('an incident', () => {
  it('opens when most connections begin to fail alike within minutes', () => {
    expect(stateAfter([...successes(2), ...failures(3)]).incident).toMatchObject({ reason: 'provider_unavailable' });
  });

  it.each([
    ['two connections fail', failures(2)],
    ['as many succeed', [...successes(3), ...failures(3)]],
    ['each fails in another way', ['a', 'b', 'c', 'd'].map((kind) => failure(kind))],
    ['the same few fail again and again', Array.from({ length: 20 }, () => failure('a', false))],
  ])('does not open when %s', (_name, reports) => {
    expect(stateAfter(reports).incident).toBeNull();
  });

  it('does not open when the failures are hours apart', () => {
    expect(stateAfter(failures(10), NEW_CIRCUIT, 3_600_000).incident).toBeNull();
  });

  it('admits one probe per interval, longer each time, and ends with the first success', () => {
    let state = stateAfter(failures(3));
    const probes: number[] = [];
    for (let now = NOW + 2_000; now < NOW + 602_000; now += 1_000) {
      const { state: next, answer } = enter(state, now, String(now));
      state = answer.kind === 'go' ? report(next, now, failure('f', false), String(now)).state : next;
      if (answer.kind === 'go') probes.push(now - NOW);
    }
    expect(probes).toEqual([32_000, 92_000, 212_000, 452_000]);
    const ended = report(state, NOW + 700_000, { kind: 'success' });
    expect(ended.answer.incident).toBeNull();
    expect(enter(ended.state, NOW + 700_001).answer.kind).toBe('go');
  });

  it('lets an operator pass', () => {
    const open = stateAfter(failures(3));
    expect(enter(open, NOW + 3_000).answer.kind).toBe('open');
    expect(enter(open, NOW + 3_000, 'r', true).answer.kind).toBe('go');
  });
});

describe('requests that wait for an answer', () => {
  it('are sixteen at most until one succeeds, each success allows one more, and dead processes are forgotten', () => {
    let state = NEW_CIRCUIT;
    for (let request = 0; request < 30; request += 1) state = enter(state, NOW, String(request)).state;
    expect(Object.keys(state.inFlight)).toHaveLength(16);
    state = report(state, NOW + 10, { kind: 'success' }, '0').state;
    expect([
      enter(state, NOW + 10, 'a').answer.kind,
      enter(enter(state, NOW + 10, 'a').state, NOW + 10, 'b').answer.kind,
    ]).toEqual(['go', 'go']);
    expect(enter(state, NOW + TIMEOUT_MS + 20, 'c').answer.kind).toBe('go');
    expect(Object.keys(enter(state, NOW + TIMEOUT_MS + 20, 'c').state.inFlight)).toEqual(['c']);
  });

  it('never exceed the permits, whatever is reported', () => {
    const steps = fc.array(fc.tuple(fc.nat(30), fc.boolean(), fc.nat(3_000)), { maxLength: 60 });
    fc.assert(
      fc.property(steps, (taken) => {
        let [state, now, wins] = [NEW_CIRCUIT, NOW, 0];
        for (const [id, isReport, pause] of taken) {
          now += pause;
          if (isReport && String(id) in state.inFlight) {
            state = report(state, now, { kind: 'success' }, String(id)).state;
            wins += 1;
          } else if (!isReport) state = enter(state, now, String(id)).state;
          expect(Object.keys(state.inFlight).length).toBeLessThanOrEqual(16 + wins + 1);
        }
      }),
    );
  });
});

it('a client is on probation until its first success', () => {
  const first = report(NEW_CIRCUIT, NOW, failure());
  expect(first.answer.proven).toBe(false);
  expect(report(first.state, NOW, { kind: 'success' }).answer).toMatchObject({ proven: true, lastSuccessAt: NOW });
});
