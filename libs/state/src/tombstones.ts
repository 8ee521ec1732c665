import type { UserId } from '@vault-engine/model';

/**
 * Longer than the topic keeps a tombstone (`delete.retention.ms`). No writer can delay the snapshot of a forgotten user
 * beyond that.
 */
const KEPT_MS = 25 * 60 * 60 * 1_000;

/** The revisions of recently forgotten users, so that a late snapshot does not bring a user back. */
export class Tombstones {
  /** In the order of insertion. */
  readonly #revisions = new Map<UserId, number>();

  get(user: UserId): number | undefined {
    return this.#revisions.get(user);
  }

  delete(user: UserId): void {
    this.#revisions.delete(user);
  }

  clear(): void {
    this.#revisions.clear();
  }

  /** A revision is the store's clock in microseconds, so it gives the tombstone's age. */
  set(user: UserId, revision: number, now: number): void {
    this.#revisions.delete(user);
    this.#revisions.set(user, revision);
    const oldest = (now - KEPT_MS) * 1_000;
    for (const [other, at] of this.#revisions) {
      if (at >= oldest || other === user) return;
      this.#revisions.delete(other);
    }
  }
}
