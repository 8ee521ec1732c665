/**
 * Items in array slots; a slot is reused once its item is taken out.
 *
 * Replaces a `Set` for items that come and go with every message. V8 rehashes a Set or Map after enough inserts and deletes,
 * and the old table keeps a pointer to the new one. Once an old table is in the old generation, every later table survives
 * minor GCs with all that it refers to: the promises, buffers and headers of every message. Reusing array slots avoids that.
 * `short-lived-map.unit.test.ts` measures it.
 */
export class IndexedPool<T extends NonNullable<unknown>> {
  readonly #items: (T | undefined)[] = [];
  readonly #free: number[] = [];

  get size(): number {
    return this.#items.length - this.#free.length;
  }

  /** Stores an item and returns its slot. */
  put(item: T): number {
    const slot = this.#free.pop() ?? this.#items.length;
    this.#items[slot] = item;
    return slot;
  }

  at(slot: number): T | undefined {
    return this.#items[slot];
  }

  /** Removes and returns an item; undefined for a free slot. */
  take(slot: number): T | undefined {
    const item = this.#items[slot];
    if (item === undefined) return undefined;
    this.#items[slot] = undefined;
    this.#free.push(slot);
    return item;
  }

  /** In no order. Items may be taken out during the iteration. */
  *values(): Generator<T, void> {
    for (const item of this.#items) if (item !== undefined) yield item;
  }
}

/**
 * A map for entries that come and go with every message. Works like a `Map`, with its values in an {@link IndexedPool}, which
 * explains why. Keys are primitive values; a few bytes of a deleted key remain until a major GC.
 */
export class ShortLivedMap<Key extends string | number, Value extends NonNullable<unknown>> {
  readonly #pool = new IndexedPool<Value>();
  readonly #slots = new Map<Key, number>();

  get size(): number {
    return this.#slots.size;
  }

  has(key: Key): boolean {
    return this.#slots.has(key);
  }

  get(key: Key): Value | undefined {
    const slot = this.#slots.get(key);
    return slot === undefined ? undefined : this.#pool.at(slot);
  }

  set(key: Key, value: Value): this {
    this.delete(key);
    this.#slots.set(key, this.#pool.put(value));
    return this;
  }

  delete(key: Key): boolean {
    const slot = this.#slots.get(key);
    if (slot === undefined) return false;
    this.#pool.take(slot);
    return this.#slots.delete(key);
  }

  clear(): void {
    for (const key of this.#slots.keys()) this.delete(key);
  }

  /** In no order. Entries may be deleted during the iteration. */
  values(): Generator<Value, void> {
    return this.#pool.values();
  }

  forEach(call: (value: Value) => void): void {
    for (const value of this.#pool.values()) call(value);
  }
}
