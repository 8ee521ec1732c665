/** No generation has this number. */
const UNCONFIRMED = -1;

/** What a member knows about its standing in its group. */
export class Membership {
  /** When the group last confirmed it, Unix ms. */
  #aliveAt = 0;
  /** Of the group, as it confirmed it since the join; null: not yet. */
  #generation: number | null = null;

  /** The member has joined, and has its partitions. */
  joined(): void {
    this.#aliveAt = Date.now();
    this.#generation = null;
  }

  /** The group is put together anew, or has another coordinator, which may not know it yet. */
  rebalancing(): void {
    this.#generation ??= UNCONFIRMED;
  }

  /**
   * A heartbeat was answered. Tells whether the member still is the one that joined: a coordinator that has just taken the
   * group over may refuse the request to join, and then confirm the member as it was. No join follows then.
   */
  confirmed(generation: number): boolean {
    this.#aliveAt = Date.now();
    this.#generation ??= generation;
    return generation === this.#generation;
  }

  /** Whether nothing was confirmed for so long, in ms. */
  isStale(limitMs: number): boolean {
    return Date.now() - this.#aliveAt > limitMs;
  }
}
