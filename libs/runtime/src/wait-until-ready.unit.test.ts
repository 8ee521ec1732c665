import { describe, expect, it } from 'vitest';
import { createHealth } from './health.ts';
import { isOutage } from './is-outage.ts';
import { createLog } from './log.ts';
import { type Sleep, waitUntilReady, watchPart } from './wait-until-ready.ts';

const refused = () => Object.assign(new Error('connect'), { code: 'ECONNREFUSED' });

const setUp = () => {
  const lines: string[] = [];
  const delays: number[] = [];
  const stop = new AbortController();
  const sleep: Sleep = async (ms, signal) => {
    signal.throwIfAborted();
    delays.push(ms);
  };
  const log = createLog({ service: 'test', level: 'info', destination: { write: (line) => void lines.push(line) } });
  const options = { part: 'store', health: createHealth(), log, signal: stop.signal, sleep };
  return { options, stop, delays, messages: () => lines.map((line) => JSON.parse(line).message) };
};

/** Fails with the errors in order, then succeeds. */
const failingFirst = (...errors: readonly Error[]) => {
  const left = [...errors];
  return async () => {
    const error = left.shift();
    if (error) throw error;
    return 'open';
  };
};

describe('waiting for a part', () => {
  it('tries again with doubling delays up to a limit', async () => {
    const { options, delays } = setUp();
    const attempt = failingFirst(...Array.from({ length: 7 }, refused));
    expect(await waitUntilReady(attempt, options)).toBe('open');
    expect(delays).toEqual([200, 400, 800, 1600, 3200, 5000, 5000]);
  });

  it('logs once per change of state, not per attempt', async () => {
    const { options, messages } = setUp();
    const timeout = Object.assign(new Error('timeout'), { code: 'ETIMEDOUT' });
    await waitUntilReady(failingFirst(refused(), refused(), refused(), timeout, timeout), options);
    expect(messages()).toEqual(['part unavailable', 'part unavailable', 'part ready']);
  });

  it('is visible in the readiness', async () => {
    const { options } = setUp();
    const states: unknown[] = [];
    const sleep: Sleep = async () => void states.push(options.health.report().parts['store']);
    await waitUntilReady(failingFirst(refused()), { ...options, sleep });
    expect(states).toEqual([{ state: 'waiting', reason: 'Error ECONNREFUSED' }]);
    expect(options.health.report().parts['store']).toEqual({ state: 'ready' });
  });

  it('ends at once with a failure that is not an outage', async () => {
    const { options, delays } = setUp();
    const bug = new TypeError('x is not a function');
    await expect(waitUntilReady(failingFirst(bug), options)).rejects.toBe(bug);
    expect(delays).toEqual([]);
  });

  it('ends when the service stops', async () => {
    const { options, stop } = setUp();
    const attempt = async () => {
      stop.abort(new Error('stopping'));
      throw refused();
    };
    await expect(waitUntilReady(attempt, options)).rejects.toThrow('stopping');
  });
});

describe('watching a part', () => {
  it('keeps its state current until the service stops, and logs changes only', async () => {
    const { options, stop, messages } = setUp();
    const outcomes = [null, null, refused(), refused(), null];
    const probe = async () => {
      const outcome = outcomes.shift();
      if (outcomes.length === 0) stop.abort();
      if (outcome) throw outcome;
    };
    await watchPart(probe, options);
    expect(messages()).toEqual(['part ready', 'part unavailable', 'part ready']);
  });
});

describe('an outage', () => {
  it.each([
    ['a port that is unavailable', Object.assign(new Error(), { name: 'PortUnavailable' })],
    ['a network error', refused()],
    ['a timeout', Object.assign(new Error(), { name: 'TimeoutError' })],
    ['a driver’s retriable error', Object.assign(new Error(), { retriable: true })],
    ['one that was caused by one', new Error('x', { cause: refused() })],
    ['one among several', new AggregateError([new Error('x'), refused()])],
  ])('is %s', (_, error) => {
    expect(isOutage(error)).toBe(true);
  });

  it.each([
    ['a bug', new TypeError('x')],
    ['a missing file', Object.assign(new Error(), { code: 'ENOENT' })],
    ['a thrown text', 'ECONNREFUSED'],
  ])('is not %s', (_, error) => {
    expect(isOutage(error)).toBe(false);
  });
});
