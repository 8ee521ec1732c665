import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { BusRecord } from '../record.ts';
import { CommitLedger, type Entry } from './commit-ledger.ts';

const record = (offset: number | bigint, timestamp = Number(offset)): BusRecord => ({
  topic: 't',
  partition: 0,
  offset: BigInt(offset),
  timestamp,
  key: null,
  value: Buffer.alloc(1),
  headers: {},
});

function entryOf(ledger: CommitLedger, at: BusRecord): Entry {
  const delivery = ledger.deliver(at);
  if (delivery.kind !== 'new') throw new Error(`offset ${at.offset} is known`);
  return delivery.entry;
}

function opened(): CommitLedger {
  const ledger = new CommitLedger();
  ledger.open();
  return ledger;
}

describe('a commit ledger', () => {
  it('commits up to the lowest unfinished offset', () => {
    const ledger = opened();
    const [five, six, seven] = [5, 6, 7].map((offset) => entryOf(ledger, record(offset)));
    expect(ledger.due()).toBe(5n);
    if (six) ledger.finish(six);
    expect(ledger.due()).toBe(5n);
    if (five) ledger.finish(five);
    expect(ledger.due()).toBe(7n);
    if (seven) ledger.finish(seven);
    expect(ledger.due()).toBe(8n);
  });

  it('skips offsets that the log does not contain', () => {
    const ledger = opened();
    const first = entryOf(ledger, record(10));
    entryOf(ledger, record(20));
    ledger.finish(first);
    expect(ledger.due()).toBe(20n);
  });

  it('recognizes a redelivered record that is running, and commits it when it finishes', () => {
    const ledger = opened();
    const running = entryOf(ledger, record(3));
    ledger.open();
    expect(ledger.deliver(record(3))).toEqual({ kind: 'known' });
    expect(ledger.due()).toBe(3n);
    ledger.finish(running);
    expect(ledger.due()).toBe(4n);
  });

  it('recognizes a redelivered record that is finished and was not committed', () => {
    const ledger = opened();
    ledger.finish(entryOf(ledger, record(3)));
    ledger.open();
    expect(ledger.deliver(record(3))).toEqual({ kind: 'known' });
    expect(ledger.due()).toBe(4n);
  });

  it('recognizes a redelivered record that finished between two assignments', () => {
    const ledger = opened();
    const running = entryOf(ledger, record(3));
    ledger.open();
    ledger.finish(running);
    expect(ledger.deliver(record(3))).toEqual({ kind: 'known' });
    expect(ledger.due()).toBe(4n);
  });

  it('commits nothing in a new assignment before its first fetch', () => {
    const ledger = opened();
    const running = entryOf(ledger, record(3));
    ledger.open();
    ledger.finish(running);
    expect(ledger.due()).toBeNull();
  });

  it('never commits below what another member committed in between', () => {
    const ledger = opened();
    const running = entryOf(ledger, record(3));
    ledger.release();
    ledger.open();
    ledger.finish(entryOf(ledger, record(100)));
    expect(ledger.due()).toBe(101n);
    ledger.finish(running);
    expect(ledger.due()).toBe(101n);
  });

  it('takes the same offset of a topic that was created again for another record', () => {
    const ledger = opened();
    entryOf(ledger, record(0, 1_000));
    ledger.open();
    expect(ledger.deliver(record(0, 2_000)).kind).toBe('new');
  });

  it('detects that the group’s offsets were lowered below what it had committed', () => {
    const ledger = opened();
    ledger.finish(entryOf(ledger, record(9)));
    ledger.committed(10n);
    ledger.open();
    expect(ledger.startAt(10n)).toBeNull();
    ledger.open();
    expect(ledger.startAt(4n)).toBe(10n);
    expect(ledger.deliver(record(4)).kind).toBe('new');
    expect(ledger.startAt(5n)).toBeNull();
  });

  it('commits the position once in each assignment, also where nothing was delivered', () => {
    const ledger = opened();
    ledger.startAt(7n);
    expect(ledger.due()).toBe(7n);
    ledger.committed(7n);
    expect(ledger.due()).toBeNull();
    ledger.open();
    ledger.startAt(7n);
    expect(ledger.due()).toBe(7n);
  });

  it('commits past offsets without records, but not past unfinished records', () => {
    const ledger = opened();
    const first = entryOf(ledger, record(1));
    ledger.skipTo(5n);
    expect(ledger.due()).toBe(1n);
    ledger.finish(first);
    expect(ledger.due()).toBe(5n);
    ledger.skipTo(3n);
    expect(ledger.due()).toBe(5n);
  });

  it('commits a lower position after a reset', () => {
    const ledger = opened();
    ledger.startAt(100n);
    ledger.committed(100n);
    ledger.reset();
    expect(ledger.due()).toBeNull();
    expect(ledger.startAt(40n)).toBeNull();
    expect(ledger.due()).toBe(40n);
  });

  it('keeps no entries once all are committed, or are finished after the partition was revoked', () => {
    const ledger = opened();
    ledger.finish(entryOf(ledger, record(1)));
    ledger.committed(2n);
    expect(ledger.size).toBe(0);
    const [running, done] = [entryOf(ledger, record(2)), entryOf(ledger, record(3))];
    ledger.finish(done);
    ledger.release();
    ledger.finish(running);
    expect(ledger.size).toBe(0);
  });
});

/**
 * A broker with one partition, which delivers from the committed offset after each assignment. While the partition is
 * assigned to another member, that member finishes and commits records.
 */
class ModelBroker {
  committed = 0;
  position = 0;
}

type Step =
  | { readonly kind: 'deliver'; readonly count: number }
  | { readonly kind: 'finish'; readonly pick: number }
  | { readonly kind: 'commit'; readonly acknowledged: boolean }
  | { readonly kind: 'rejoin' }
  | { readonly kind: 'lose'; readonly othersCommit: number };

const step: fc.Arbitrary<Step> = fc.oneof(
  { weight: 4, arbitrary: fc.record({ kind: fc.constant('deliver' as const), count: fc.integer({ min: 1, max: 5 }) }) },
  { weight: 6, arbitrary: fc.record({ kind: fc.constant('finish' as const), pick: fc.nat() }) },
  { weight: 3, arbitrary: fc.record({ kind: fc.constant('commit' as const), acknowledged: fc.boolean() }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('rejoin' as const) }) },
  {
    weight: 1,
    arbitrary: fc.record({ kind: fc.constant('lose' as const), othersCommit: fc.integer({ min: 0, max: 4 }) }),
  },
);

/** Every third offset has no record, as after compaction or at a transaction's marker. */
const isGap = (offset: number): boolean => offset % 3 === 1;

describe('for any order of deliveries, completions, commits and assignments', () => {
  it('commits are never lower, never pass unfinished work, and nothing runs twice at the same time', () => {
    fc.assert(
      fc.property(fc.array(step, { maxLength: 120 }), (steps) => {
        const broker = new ModelBroker();
        const ledger = opened();
        const running = new Map<number, Entry>();
        const finished = new Set<number>();
        const apply = (one: Step): void => {
          switch (one.kind) {
            case 'deliver':
              for (const end = broker.position + one.count; broker.position < end; broker.position += 1) {
                const offset = broker.position;
                if (isGap(offset)) continue;
                const delivery = ledger.deliver(record(offset));
                if (delivery.kind === 'known') {
                  expect(running.has(offset) || finished.has(offset)).toBe(true);
                  continue;
                }
                expect(running.has(offset)).toBe(false);
                running.set(offset, delivery.entry);
              }
              return;
            case 'finish': {
              const offset = [...running.keys()][one.pick % running.size];
              const entry = offset === undefined ? undefined : running.get(offset);
              if (offset === undefined || entry === undefined) return;
              running.delete(offset);
              finished.add(offset);
              ledger.finish(entry);
              return;
            }
            case 'commit': {
              const due = ledger.due();
              if (due === null) return;
              expect(Number(due)).toBeGreaterThanOrEqual(broker.committed);
              for (let offset = broker.committed; offset < Number(due); offset += 1) {
                expect(isGap(offset) || finished.has(offset)).toBe(true);
              }
              broker.committed = Number(due);
              if (one.acknowledged) ledger.committed(due);
              return;
            }
            case 'lose':
              ledger.release();
              for (let offset = broker.committed; offset < broker.committed + one.othersCommit; offset += 1) {
                finished.add(offset);
              }
              broker.committed += one.othersCommit;
              broker.position = broker.committed;
              ledger.open();
              return;
            case 'rejoin':
              broker.position = broker.committed;
              ledger.open();
          }
        };
        for (const one of steps) apply(one);
        for (const [offset, entry] of running) {
          ledger.finish(entry);
          finished.add(offset);
        }
        ledger.open();
        broker.position = broker.committed;
        apply({ kind: 'deliver', count: 200 });
        for (const entry of running.values()) ledger.finish(entry);
        expect(ledger.due()).not.toBeNull();
      }),
      { numRuns: 1_000 },
    );
  });
});
