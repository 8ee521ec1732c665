import { IndexedPool } from './indexed-pool.ts';

/**
 * A map for entries that come and go with every message: like a `Map`, but that its values are in {@link IndexedPool}, which says why.
 * Its keys are plain values; of those that went a few bytes stay until old garbage is collected.
 */
export class ShortLivedMap<Key extends string | number, Value extends NonNullable<unknown>> {
  readonly #pool = new IndexedPool<Value>();
  readonly #places = new Map<Key, number>();

  get size(): number {
    return this.#places.size;
  }

  has(key: Key): boolean {
    return this.#places.has(key);
  }

  get(key: Key): Value | undefined {
    const slot = this.#places.get(key);
    return slot === undefined ? undefined : this.#pool.at(slot);
  }

  set(key: Key, value: Value): this {
    this.delete(key);
    this.#places.set(key, this.#pool.put(value));
    return this;
  }

  delete(key: Key): boolean {
    const slot = this.#places.get(key);
    if (slot === undefined) return false;
    this.#pool.take(slot);
    return this.#places.delete(key);
  }

  clear(): void {
    for (const key of this.#places.keys()) this.delete(key);
  }

  /** In no order. Entries may be deleted meanwhile. */
  values(): Generator<Value, void> {
    return this.#pool.values();
  }

  forEach(call: (value: Value) => void): void {
    for (const value of this.#pool.values()) call(value);
  }
}
