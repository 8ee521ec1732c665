/**
 * The ids that have changed since a reader last read. Each id is queued once: a slow reader gets the latest state of each
 * id, and the queue never exceeds the number of ids.
 */
export class ChangeFeed<Id> {
  readonly #queue = new Set<Id>();
  #wake: () => void = () => undefined;
  #failure: Error | null = null;
  #ended = false;

  /** The number of queued ids. */
  get size(): number {
    return this.#queue.size;
  }

  push(id: Id): void {
    if (this.#ended) return;
    this.#queue.add(id);
    this.#wake();
  }

  /** Ends the feed: the reader gets the queued ids, then the failure. */
  fail(failure: Error): void {
    this.#failure = failure;
    this.#end();
  }

  /** Ends the feed immediately and clears the queue. */
  stop(): void {
    this.#queue.clear();
    this.#end();
  }

  #end(): void {
    this.#ended = true;
    this.#wake();
  }

  /** The ids in the order of their first change. Throws the error given to {@link fail}. */
  async *read(): AsyncGenerator<Id, void> {
    for (;;) {
      const next = this.#queue.values().next();
      if (!next.done) {
        this.#queue.delete(next.value);
        yield next.value;
      } else if (this.#ended) {
        if (this.#failure !== null) throw this.#failure;
        return;
      } else {
        await new Promise<void>((resolve) => {
          this.#wake = resolve;
        });
      }
    }
  }
}
