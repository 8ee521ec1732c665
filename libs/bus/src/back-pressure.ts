/** How much of one partition may be held in memory. */
export interface PressureLimits {
  /** Unfinished records at which reading stops; it goes on at half of it. */
  readonly maxUnfinished: number;
  /** Their bytes, likewise. */
  readonly maxUnfinishedBytes: number;
  /** Finished and unfinished records above the committed offset, likewise: what would be delivered again after a crash. */
  readonly maxUncommitted: number;
}

/** What one partition holds. */
export interface Load {
  readonly unfinished: number;
  readonly unfinishedBytes: number;
  readonly uncommitted: number;
}

/**
 * Whether a partition should be held back. Between the limit and half of it, it stays as it was, so that it does not
 * flutter.
 */
export function shouldHold(held: boolean, load: Load, limits: PressureLimits): boolean {
  const factor = held ? 0.5 : 1;
  return (
    load.unfinished > limits.maxUnfinished * factor ||
    load.unfinishedBytes > limits.maxUnfinishedBytes * factor ||
    load.uncommitted > limits.maxUncommitted * factor
  );
}
