/** No generation has this number. */
const UNCONFIRMED = -1;

/** Whether the group still confirms this member. */
export class Membership {
  /** When the group last confirmed the member, Unix ms. */
  #aliveAt = 0;
  /** The generation that the group confirmed since the join; null: not yet. */
  #generation: number | null = null;

  /** The member has joined and has an assignment. */
  joined(): void {
    this.#aliveAt = Date.now();
    this.#generation = null;
  }

  /** The group rebalances, or has another coordinator, which may not know the member yet. */
  rebalancing(): void {
    this.#generation ??= UNCONFIRMED;
  }

  /**
   * A heartbeat was confirmed. Returns whether the generation is the one that the member joined. A coordinator that has just
   * taken the group over may refuse the request to join and then confirm the member; no join follows then.
   */
  confirmed(generation: number): boolean {
    this.#aliveAt = Date.now();
    this.#generation ??= generation;
    return generation === this.#generation;
  }

  /** Whether the last confirmation is older than `limitMs`. */
  isStale(limitMs: number): boolean {
    return Date.now() - this.#aliveAt > limitMs;
  }
}
