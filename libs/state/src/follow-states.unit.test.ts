import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { inOrder } from './follow-states.ts';

describe('inOrder', () => {
  it('passes results on in the order of the items, whichever of them are asynchronous', async () => {
    await fc.assert(
      fc.asyncProperty(fc.scheduler(), fc.array(fc.boolean()), async (scheduler, late) => {
        const read: number[] = [];
        const failed: unknown[] = [];
        const readings = inOrder<number, number>(
          (item) => (late[item] ? scheduler.schedule(Promise.resolve(item)) : item),
          (item) => read.push(item),
          (error) => failed.push(error),
        );
        late.forEach((_, item) => {
          readings.take(item);
        });
        await scheduler.waitFor(readings.settled());
        expect([read, failed]).toEqual([[...late.keys()], []]);
      }),
    );
  });

  it('continues after an item that fails, and reports the failure', async () => {
    const [read, failed]: [number[], unknown[]] = [[], []];
    const readings = inOrder<number, number>(
      (item) => (item === 1 ? Promise.reject(new Error('no')) : item),
      (item) => read.push(item),
      (error) => failed.push(error),
    );
    for (const item of [0, 1, 2]) readings.take(item);
    await readings.settled();
    expect([read, failed]).toEqual([[0, 2], [new Error('no')]]);
  });
});
