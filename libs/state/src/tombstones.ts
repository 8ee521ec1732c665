import type { UserId } from '@vault-engine/model';

/**
 * Longer than the topic itself keeps a tombstone for readers that are under way (`delete.retention.ms`): a snapshot that
 * comes later than that has been written by nobody who is still alive.
 */
const KEPT_MS = 25 * 60 * 60 * 1_000;

/** The revisions of users who were forgotten of late, so that a late snapshot does not bring one back. */
export class Tombstones {
  /** In the order in which they came. */
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

  /** Revisions are microseconds of the store's clock, so that one tells its own age. */
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
