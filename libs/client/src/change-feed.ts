/**
 * Who has changed since one reader last looked. It holds ids alone, each once: a reader who is slow gets the latest state
 * of each user, and what waits is never more than there are users.
 */
export class ChangeFeed<Id> {
  readonly #waiting = new Set<Id>();
  #wake: () => void = () => undefined;
  #failure: Error | null = null;
  #ended = false;

  /** How many ids wait. */
  get waiting(): number {
    return this.#waiting.size;
  }

  push(id: Id): void {
    if (this.#ended) return;
    this.#waiting.add(id);
    this.#wake();
  }

  /** Nothing more comes: what waits is handed out, then the reader is told why. */
  fail(failure: Error): void {
    this.#failure = failure;
    this.#end();
  }

  /** Ends at once. */
  stop(): void {
    this.#waiting.clear();
    this.#end();
  }

  #end(): void {
    this.#ended = true;
    this.#wake();
  }

  /** The ids in the order in which they first changed. Throws what {@link fail} was told. */
  async *read(): AsyncGenerator<Id, void> {
    for (;;) {
      const next = this.#waiting.values().next();
      if (!next.done) {
        this.#waiting.delete(next.value);
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
