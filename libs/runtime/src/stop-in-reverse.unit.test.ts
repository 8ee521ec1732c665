import { describe, expect, it } from 'vitest';
import { silentLog } from './log.ts';
import { stopInReverse } from './stop-in-reverse.ts';

describe('stopping', () => {
  it('closes the last opened part first, one after the other', async () => {
    const steps: string[] = [];
    const parts = ['store', 'bus', 'server'].map((part) => ({
      part,
      close: async () => {
        steps.push(`${part} closes`);
        await Promise.resolve();
        steps.push(`${part} closed`);
      },
    }));
    expect(await stopInReverse(parts, 1000, silentLog)).toBe(true);
    expect(steps).toEqual(['server', 'bus', 'store'].flatMap((part) => [`${part} closes`, `${part} closed`]));
  });

  it('goes on after a part that fails, and returns false', async () => {
    const closed: string[] = [];
    const parts = [
      { part: 'a', close: () => void closed.push('a') },
      { part: 'b', close: () => Promise.reject(new Error('x')) },
      { part: 'c', close: () => void closed.push('c') },
    ];
    expect(await stopInReverse(parts, 1000, silentLog)).toBe(false);
    expect(closed).toEqual(['c', 'a']);
  });

  it('ends at its limit when a part hangs', async () => {
    const parts = [{ part: 'a', close: () => new Promise<void>(() => {}) }];
    expect(await stopInReverse(parts, 20, silentLog)).toBe(false);
  });
});
