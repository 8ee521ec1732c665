/** Waits until a reader has come to the offsets where the log ended when it began. */
export class CatchUp {
  readonly #ends: Map<number, bigint>;
  readonly #done = Promise.withResolvers<void>();

  /** @param ends by partition, the offset that must be reached; empty partitions need none */
  constructor(ends: ReadonlyMap<number, bigint>) {
    this.#ends = new Map(ends);
    if (this.#ends.size === 0) this.#done.resolve();
  }

  get done(): Promise<void> {
    return this.#done.promise;
  }

  reached(partition: number, next: bigint): void {
    const end = this.#ends.get(partition);
    if (end === undefined || next < end) return;
    this.#ends.delete(partition);
    if (this.#ends.size === 0) this.#done.resolve();
  }

  /** Nothing more comes, so that the rest is not there. */
  quiet(): void {
    this.#done.resolve();
  }

  fail(error: Error): void {
    this.#done.reject(error);
  }
}
