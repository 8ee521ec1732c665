import { describe, expect, it, vi } from 'vitest';
import type { BusRecord } from '../record.ts';
import type { Turn } from './keyed-scheduler.ts';
import { type HandlerOptions, type HandlerResult, runRecord } from './run-record.ts';

const record: BusRecord = {
  topic: 't',
  partition: 0,
  offset: 0n,
  timestamp: 0,
  key: null,
  value: null,
  headers: {},
};

function openRun(options: Partial<HandlerOptions>) {
  const rests: number[] = [];
  const turn: Turn = {
    ordered: true,
    releaseKeyOrder: vi.fn(),
    runOutsideConcurrencyLimit: (work) => work,
    end: vi.fn(),
    rest: async (ms) => {
      rests.push(ms);
    },
  };
  const abort = new AbortController();
  const all: HandlerOptions = {
    handle: async () => ({ kind: 'ack' }),
    deadLetter: async () => undefined,
    onError: () => undefined,
    maxThrows: 3,
    ...options,
  };
  return { rests, turn, abort, run: () => runRecord(record, turn, abort.signal, all) };
}

describe('a record', () => {
  it('is done when its handler acknowledges it', async () => {
    await expect(openRun({}).run()).resolves.toBe(true);
  });

  it('is handled again after the time that its handler asks for, with the attempt’s number', async () => {
    const attempts: number[] = [];
    const { run, rests } = openRun({
      handle: async (_, { attempt }): Promise<HandlerResult> => {
        attempts.push(attempt);
        return attempt < 3 ? { kind: 'retry', afterMs: attempt * 7 } : { kind: 'ack' };
      },
    });
    await expect(run()).resolves.toBe(true);
    expect(attempts).toEqual([1, 2, 3]);
    expect(rests).toEqual([7, 14]);
  });

  it('is handled again with backoff when its handler throws, and moves to the dead-letter topic in the end', async () => {
    const deadLetter = vi.fn(async () => undefined);
    const onError = vi.fn();
    const failure = new Error('no');
    const { run, rests } = openRun({ handle: () => Promise.reject(failure), deadLetter, onError });
    await expect(run()).resolves.toBe(true);
    expect(rests).toEqual([100, 200]);
    expect(onError).toHaveBeenCalledTimes(3);
    expect(deadLetter).toHaveBeenCalledExactlyOnceWith(record, 'handler_failed');
  });

  it('is handled again when its handler throws synchronously', async () => {
    let calls = 0;
    const { run } = openRun({
      handle: () => {
        calls += 1;
        if (calls === 1) throw new Error('at once');
        return Promise.resolve({ kind: 'ack' });
      },
    });
    await expect(run()).resolves.toBe(true);
  });

  it('is not done until the dead-letter topic has acknowledged it', async () => {
    const deadLetter = vi
      .fn<HandlerOptions['deadLetter']>()
      .mockRejectedValueOnce(new Error('unavailable'))
      .mockResolvedValue(undefined);
    const { run, rests } = openRun({ handle: async () => ({ kind: 'dead-letter', reason: 'poison' }), deadLetter });
    await expect(run()).resolves.toBe(true);
    expect(deadLetter).toHaveBeenCalledTimes(2);
    expect(rests).toEqual([100]);
  });

  it('is not done when it was aborted', async () => {
    const { run, abort } = openRun({
      handle: async () => {
        abort.abort();
        return { kind: 'retry', afterMs: 1 };
      },
    });
    await expect(run()).resolves.toBe(false);
  });
});
