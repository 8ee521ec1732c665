/** Limits of the records of one partition in memory. */
export interface PressureLimits {
  /** Unfinished records at which reading stops. It continues at half of the limit. */
  readonly maxUnfinished: number;
  /** The bytes of unfinished records, likewise. */
  readonly maxUnfinishedBytes: number;
  /** Finished and unfinished records above the committed offset, likewise: they are delivered again after a crash. */
  readonly maxUncommitted: number;
}

/** The records of one partition in memory. */
export interface PartitionLoad {
  readonly unfinished: number;
  readonly unfinishedBytes: number;
  readonly uncommitted: number;
}

/**
 * Whether a partition should be paused. Between half of a limit and the limit it stays as it is, so that it does not
 * alternate at every record.
 */
export function isOverloaded(before: boolean, load: PartitionLoad, limits: PressureLimits): boolean {
  const factor = before ? 0.5 : 1;
  return (
    load.unfinished > limits.maxUnfinished * factor ||
    load.unfinishedBytes > limits.maxUnfinishedBytes * factor ||
    load.uncommitted > limits.maxUncommitted * factor
  );
}
