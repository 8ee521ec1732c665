import { setTimeout as sleep } from 'node:timers/promises';
import fc from 'fast-check';
import { describe, expect, it, vi } from 'vitest';
import { KeyedScheduler, type Turn } from './keyed-scheduler.ts';

interface Item {
  readonly orderingKey: string | null;
  readonly id: number;
}

/** Starts items and leaves it to the test when they end. */
function openScheduler(permits: number) {
  const started: Item[] = [];
  const turns = new Map<number, Turn>();
  const scheduler = new KeyedScheduler<Item>({
    permits,
    start: (item, turn) => {
      started.push(item);
      turns.set(item.id, turn);
    },
  });
  const turn = (id: number): Turn => {
    const found = turns.get(id);
    if (found === undefined) throw new Error(`item ${id} has not started`);
    return found;
  };
  const submit = (orderingKey: string | null, id: number) => scheduler.submit(orderingKey, { orderingKey, id });
  return { scheduler, submit, turn, started: () => started.map(({ id }) => id) };
}

describe('a keyed scheduler', () => {
  it('runs the items of one key one after the other, and different keys concurrently', () => {
    const { submit, turn, started } = openScheduler(10);
    submit('a', 1);
    submit('a', 2);
    submit('b', 3);
    expect(started()).toEqual([1, 3]);
    turn(1).end();
    expect(started()).toEqual([1, 3, 2]);
  });

  it('runs no more items than it has permits', () => {
    const { submit, turn, started, scheduler } = openScheduler(2);
    for (const id of [1, 2, 3]) submit(`key ${id}`, id);
    expect(started()).toEqual([1, 2]);
    expect(scheduler.working).toBe(2);
    turn(2).end();
    expect(started()).toEqual([1, 2, 3]);
  });

  it('lets keys take turns: a long queue does not starve a short one', () => {
    const { submit, turn, started } = openScheduler(1);
    for (let id = 1; id <= 100; id += 1) submit('hot', id);
    submit('quiet', 101);
    turn(1).end();
    expect(started()).toEqual([1, 101]);
    turn(101).end();
    expect(started()).toEqual([1, 101, 2]);
  });

  it('lets items without a key wait for no other item', () => {
    const { submit, started } = openScheduler(10);
    submit(null, 1);
    submit(null, 2);
    expect(started()).toEqual([1, 2]);
  });

  it('starts the key’s next item when one releases its order, and frees the permit', () => {
    const { submit, turn, started, scheduler } = openScheduler(1);
    submit('a', 1);
    submit('a', 2);
    turn(1).releaseKeyOrder();
    expect(started()).toEqual([1, 2]);
    expect(scheduler.working).toBe(1);
    turn(1).end();
    expect(scheduler.working).toBe(1);
    turn(2).end();
    expect(scheduler.open).toBe(0);
  });

  it('keeps the key and frees the permit while an item rests', async () => {
    const { submit, turn, started } = openScheduler(1);
    submit('a', 1);
    submit('a', 2);
    submit('b', 3);
    const rested = turn(1).rest(5);
    expect(started()).toEqual([1, 3]);
    turn(3).end();
    await rested;
    expect(started()).toEqual([1, 3]);
    turn(1).end();
    expect(started()).toEqual([1, 3, 2]);
  });

  it('keeps the key and frees the permit while an item waits outside the limit, then continues it with a permit', async () => {
    const { submit, turn, started, scheduler } = openScheduler(1);
    submit('a', 1);
    submit('a', 2);
    submit('b', 3);
    const answer = Promise.withResolvers<string>();
    const answered = vi.fn();
    void turn(1).runOutsideConcurrencyLimit(answer.promise).then(answered);
    expect(started()).toEqual([1, 3]);
    answer.resolve('answer');
    await sleep(0);
    expect(answered).not.toHaveBeenCalled();
    turn(3).end();
    await vi.waitFor(() => expect(answered).toHaveBeenCalledWith('answer'));
    expect(scheduler.working).toBe(1);
    expect(started()).toEqual([1, 3]);
    turn(1).end();
    expect(started()).toEqual([1, 3, 2]);
  });

  it('continues an item with a permit when the work outside the limit fails', async () => {
    const { submit, turn, scheduler } = openScheduler(1);
    submit('a', 1);
    await expect(turn(1).runOutsideConcurrencyLimit(Promise.reject(new Error('refused')))).rejects.toThrow('refused');
    expect(scheduler.working).toBe(1);
  });

  it('starts nothing after a halt', async () => {
    const { submit, turn, started, scheduler } = openScheduler(1);
    submit('a', 1);
    submit('a', 2);
    const rested = vi.fn();
    void turn(1).rest(1).then(rested);
    scheduler.halt();
    await sleep(20);
    expect(rested).not.toHaveBeenCalled();
    expect(started()).toEqual([1]);
  });

  it('keeps each key’s order, runs every item once, and drains, however long each takes', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.tuple(fc.constantFrom('a', 'b', 'c', null), fc.nat({ max: 3 }), fc.boolean()), { maxLength: 40 }),
        fc.integer({ min: 1, max: 4 }),
        async (plan, permits) => {
          const started: number[] = [];
          const scheduler = new KeyedScheduler<number>({
            permits,
            start: (id, turn) => {
              started.push(id);
              expect(scheduler.working).toBeLessThanOrEqual(permits);
              void work(turn, plan[id]?.[1] ?? 0, plan[id]?.[2] ?? false);
            },
          });
          plan.forEach(([orderingKey], id) => {
            scheduler.submit(orderingKey, id);
          });
          await scheduler.drained();
          expect(started.toSorted((a, b) => a - b)).toEqual(plan.map((_, id) => id));
          for (const orderingKey of ['a', 'b', 'c']) {
            const inKeyOrder = started.filter((id) => plan[id]?.[0] === orderingKey);
            expect(inKeyOrder).toEqual(inKeyOrder.toSorted((a, b) => a - b));
          }
          expect(scheduler.working).toBe(0);
        },
      ),
      { numRuns: 100 },
    );
  });
});

async function work(turn: Turn, ticks: number, rests: boolean): Promise<void> {
  for (let tick = 0; tick < ticks; tick += 1) await Promise.resolve();
  if (rests) await turn.rest(0);
  turn.end();
}
