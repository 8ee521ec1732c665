/**
 * Things under way, each in a place of its own until it is taken out. Places are used again.
 *
 * For what comes and goes with every message, instead of a `Set`: V8 makes a new table for a `Set` or a `Map` each time that as
 * many entries came and went as it has room for, and leaves a link to it in the old one. Once one table has reached the old
 * generation, the collector of the young takes each that follows for reachable, with all that is in it: so every message moved
 * there with its promises, buffers and headers, to be copied twice and collected late. `transient-map.unit.test.ts` shows it.
 */
export class IndexedPool<T extends NonNullable<unknown>> {
  readonly #items: (T | undefined)[] = [];
  readonly #free: number[] = [];

  get size(): number {
    return this.#items.length - this.#free.length;
  }

  /** Answers the item's place. */
  put(item: T): number {
    const slot = this.#free.pop() ?? this.#items.length;
    this.#items[slot] = item;
    return slot;
  }

  at(slot: number): T | undefined {
    return this.#items[slot];
  }

  /** Takes an item out; undefined where there is none. */
  take(slot: number): T | undefined {
    const item = this.#items[slot];
    if (item === undefined) return undefined;
    this.#items[slot] = undefined;
    this.#free.push(slot);
    return item;
  }

  /** In no order. Items may be taken out meanwhile. */
  *values(): Generator<T, void> {
    for (const item of this.#items) if (item !== undefined) yield item;
  }
}
