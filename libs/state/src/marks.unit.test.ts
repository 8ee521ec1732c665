import type { ConnectionState } from '@vault-engine/contracts';
import { type UserId, userId } from '@vault-engine/model';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { StateMarks } from './marks.ts';
import { type StateRecord, supersedes } from './read-state.ts';
import { digestOf } from './status-over-time.ts';

const NOW = 1_800_000_000_000;
const asUser = (text: string): UserId => userId(text) ?? expect.fail('no user id');
const user = asUser('u1');
const stateOf = (revision: number, flow = ''): ConnectionState => ({
  user_id: user,
  revision,
  as_of: NOW,
  connections: [],
  flows: [{ flow_id: flow, platform: 'gmail', started_at: 0, expires_at: 1 }],
});
const snapshot = (revision: number, flow = ''): StateRecord => ({
  kind: 'snapshot',
  user,
  revision,
  state: stateOf(revision, flow),
});
const tombstone = (revision: number): StateRecord => ({ kind: 'tombstone', user, revision });
const unreadable: StateRecord = { kind: 'unreadable', user };

const message = fc.oneof(
  fc.tuple(fc.nat(8), fc.constantFrom('a', 'b')).map(([revision, flow]) => snapshot(revision, flow)),
  fc.nat(8).map(tombstone),
  fc.constant(unreadable),
);

/** The state of a reader that applies the revision rule to `log`. */
const shown = (log: readonly StateRecord[]): StateRecord | null => {
  let known: Extract<StateRecord, { revision: number }> | null = null;
  for (const next of log) {
    if ('revision' in next && supersedes(next.revision, known?.revision)) known = next;
  }
  return known;
};

const marksAfter = (log: readonly StateRecord[]): StateMarks => {
  const marks = new StateMarks(() => NOW);
  for (const next of log) marks.take(next);
  return marks;
};

describe('the revision rule', () => {
  it('leaves a reader with the highest revision, or the last of equal ones', () => {
    fc.assert(
      fc.property(fc.array(message), (log) => {
        const known = log.filter((next) => 'revision' in next);
        const highest = Math.max(...known.map(({ revision }) => revision));
        expect(shown(log)).toBe(known.findLast(({ revision }) => revision === highest) ?? null);
      }),
    );
  });

  it('ignores a snapshot from before the tombstone, and takes one from after it', () => {
    expect(shown([snapshot(1), tombstone(5), snapshot(4)])).toEqual(tombstone(5));
    expect(shown([snapshot(1), tombstone(5), snapshot(6)])).toEqual(snapshot(6));
  });
});

describe('StateMarks', () => {
  it('equal the state of a reader', () => {
    fc.assert(
      fc.property(fc.array(message), (log) => {
        const mark = marksAfter(log).get(user);
        const seen = shown(log);
        if (seen === null || !('revision' in seen)) expect(mark).toBeUndefined();
        else if (seen.kind === 'tombstone') expect(mark).toEqual({ kind: 'tombstone', revision: seen.revision });
        else if (seen.kind === 'snapshot')
          expect(mark).toEqual({ kind: 'snapshot', revision: seen.revision, digest: digestOf(seen.state) });
      }),
    );
  });

  it("call a user buried exactly where compaction keeps another record than the readers' newest", () => {
    fc.assert(
      fc.property(fc.array(message, { minLength: 1 }), (log) => {
        expect(marksAfter(log).buried().has(user)).toBe(log.at(-1) !== shown(log));
      }),
    );
  });

  it('let a republished user be read alike before and after compaction', () => {
    fc.assert(
      fc.property(fc.array(message, { minLength: 1 }), (log) => {
        const seen = shown(log);
        const republished = marksAfter(log).buried().has(user) && seen !== null ? [...log, seen] : log;
        if (seen === null) return;
        expect(shown(republished.slice(-1))).toEqual(shown(republished));
      }),
    );
  });

  it('include an acknowledged record until it is read back', () => {
    const marks = marksAfter([snapshot(3)]);
    marks.acknowledged(user, { kind: 'tombstone', revision: 5 });
    expect(marks.get(user)).toEqual({ kind: 'tombstone', revision: 5 });
    // A fenced writer's record may precede it in the log.
    expect(marks.take(snapshot(4))).toBe('newest');
    expect(marks.get(user)).toEqual({ kind: 'tombstone', revision: 5 });
    expect(marks.take(tombstone(5))).toBe('newest');
    expect(marks.take(snapshot(6))).toBe('newest');
    expect(marks.get(user)).toMatchObject({ kind: 'snapshot', revision: 6 });
  });

  it('drop a tombstone when the topic has dropped it, by the age in its revision', () => {
    const [hour, other] = [3_600_000_000, asUser('u2')];
    const marks = marksAfter([tombstone(NOW * 1_000 - 26 * hour)]);
    expect(marks.get(user)).toBeDefined();
    marks.take({ kind: 'tombstone', user: other, revision: NOW * 1_000 - 24 * hour });
    expect([marks.get(user), marks.get(other)?.kind]).toEqual([undefined, 'tombstone']);
  });

  it('are empty after the topic was recreated', () => {
    const marks = marksAfter([snapshot(3), unreadable]);
    marks.clear();
    expect([marks.get(user), marks.size, marks.buried().size]).toEqual([undefined, 0, 0]);
  });
});
