import { describe, expect, it } from 'vitest';
import { Pauses } from './pauses.ts';

/** Records the last state set in kafkajs, by partition. */
function openPauses() {
  const paused = new Map<number, boolean>();
  let calls = 0;
  const set = (to: boolean) => (at: readonly { partitions?: number[] }[] | undefined) => {
    calls += 1;
    for (const partition of at?.[0]?.partitions ?? []) paused.set(partition, to);
  };
  const pauses = new Pauses({ pause: set(true), resume: set(false) });
  return { pauses, paused, calls: () => calls };
}

describe('pauses', () => {
  it('end when the last reason ends', () => {
    const { pauses, paused } = openPauses();
    pauses.joined({ t: [0, 1] });
    pauses.pauseAll('storage');
    pauses.pauseAll('registry');
    pauses.resumeAll('storage');
    expect([...paused.values()]).toEqual([true, true]);
    pauses.resumeAll('registry');
    expect([...paused.values()]).toEqual([false, false]);
  });

  it('keep an overloaded partition paused', () => {
    const { pauses, paused } = openPauses();
    pauses.joined({ t: [0, 1] });
    pauses.setOverloaded('t', 1, true);
    pauses.pauseAll('storage');
    pauses.resumeAll('storage');
    expect([...paused.entries()]).toEqual([
      [0, false],
      [1, true],
    ]);
  });

  it('are set again at each assignment', () => {
    const { pauses, paused } = openPauses();
    pauses.pauseAll('storage');
    pauses.joined({ t: [0] });
    expect(paused.get(0)).toBe(true);
    pauses.left();
    pauses.resumeAll('storage');
    expect(paused.get(0)).toBe(true);
    pauses.joined({ t: [0, 1] });
    expect([...paused.values()]).toEqual([false, false]);
  });

  it('are set once', () => {
    const { pauses, calls } = openPauses();
    pauses.joined({ t: [0] });
    pauses.pauseAll('storage');
    pauses.pauseAll('storage');
    expect(calls()).toBe(2);
  });
});
