import { Fifo } from '../fifo.ts';
import { ShortLivedMap } from '../short-lived-map.ts';

/** A running item's control of its key's order and its concurrency permit. */
export interface Turn {
  /** Whether the item has a key. */
  readonly ordered: boolean;
  /** Lets the next item of the key start and releases the permit, although this item continues. */
  releaseKeyOrder(): void;
  /** Releases the permit, keeps the key, and resolves with a permit after `ms`. Never resolves once halted. */
  rest(ms: number): Promise<void>;
  /** Releases the permit, keeps the key, and settles as `work` does, with a permit. Never settles once halted. */
  runOutsideConcurrencyLimit<T>(work: Promise<T>): Promise<T>;
  /** The item has ended. */
  end(): void;
}

interface QueuedItem<T> {
  readonly item: T;
  readonly orderingKey: string | null;
  holdsKey: boolean;
  holdsPermit: boolean;
  /** Starts or continues the item; it has a permit. */
  proceed: () => void;
}

/**
 * Runs items by key: items of one key one after the other, in their order; up to `permits` items concurrently. Waiting keys
 * take turns, so that a long queue does not starve the short ones. An item without a key waits for a permit only.
 */
export class KeyedScheduler<T> {
  readonly #permits: number;
  readonly #start: (item: T, turn: Turn) => void;
  /** The waiting items of each key that has an item in progress. */
  readonly #keyQueues = new ShortLivedMap<string, Fifo<QueuedItem<T>>>();
  /** The first items of their keys, waiting for a permit. */
  readonly #ready = new Fifo<QueuedItem<T>>();
  readonly #resting = new Set<NodeJS.Timeout>();
  #permitsTaken = 0;
  #open = 0;
  #halted = false;
  #idle: (() => void)[] = [];

  constructor({ permits, start }: { readonly permits: number; readonly start: (item: T, turn: Turn) => void }) {
    this.#permits = permits;
    this.#start = start;
  }

  /** Items submitted and not ended. */
  get open(): number {
    return this.#open;
  }

  /** Items that have a permit. */
  get working(): number {
    return this.#permitsTaken;
  }

  /** @param orderingKey null: no order */
  submit(orderingKey: string | null, item: T): void {
    const queued: QueuedItem<T> = { item, orderingKey, holdsKey: false, holdsPermit: false, proceed: () => undefined };
    queued.proceed = () => this.#start(item, this.#turnOf(queued));
    this.#open += 1;
    const queue = orderingKey === null ? undefined : this.#keyQueues.get(orderingKey);
    if (queue !== undefined) {
      queue.push(queued);
      return;
    }
    if (orderingKey !== null) this.#keyQueues.set(orderingKey, new Fifo());
    queued.holdsKey = orderingKey !== null;
    this.#ready.push(queued);
    this.#startReady();
  }

  /** Resolves when no item is open. */
  drained(): Promise<void> {
    return this.#open === 0 ? Promise.resolve() : new Promise((resolve) => this.#idle.push(resolve));
  }

  /** Starts no further item and continues no resting one. */
  halt(): void {
    this.#halted = true;
    for (const timer of this.#resting) clearTimeout(timer);
    this.#resting.clear();
  }

  #turnOf(queued: QueuedItem<T>): Turn {
    return {
      ordered: queued.orderingKey !== null,
      releaseKeyOrder: () => {
        this.#releaseKey(queued);
        this.#releasePermit(queued);
      },
      rest: (ms) => this.#rest(queued, ms),
      runOutsideConcurrencyLimit: (work) => this.#runOutsideConcurrencyLimit(queued, work),
      end: () => this.#end(queued),
    };
  }

  #rest(queued: QueuedItem<T>, ms: number): Promise<void> {
    this.#releasePermit(queued);
    return new Promise((resolve) => {
      queued.proceed = resolve;
      const timer = setTimeout(() => {
        this.#resting.delete(timer);
        this.#ready.push(queued);
        this.#startReady();
      }, ms);
      this.#resting.add(timer);
    });
  }

  async #runOutsideConcurrencyLimit<R>(queued: QueuedItem<T>, work: Promise<R>): Promise<R> {
    this.#releasePermit(queued);
    try {
      return await work;
    } finally {
      await new Promise<void>((resolve) => {
        queued.proceed = resolve;
        this.#ready.push(queued);
        this.#startReady();
      });
    }
  }

  #end(queued: QueuedItem<T>): void {
    this.#releaseKey(queued);
    this.#open -= 1;
    this.#releasePermit(queued);
    if (this.#open > 0) return;
    for (const resolve of this.#idle) resolve();
    this.#idle = [];
  }

  #releaseKey(queued: QueuedItem<T>): void {
    if (!queued.holdsKey || queued.orderingKey === null) return;
    queued.holdsKey = false;
    const next = this.#keyQueues.get(queued.orderingKey)?.shift();
    if (next === undefined) {
      this.#keyQueues.delete(queued.orderingKey);
      return;
    }
    next.holdsKey = true;
    this.#ready.push(next);
  }

  #releasePermit(queued: QueuedItem<T>): void {
    if (queued.holdsPermit) this.#permitsTaken -= 1;
    queued.holdsPermit = false;
    this.#startReady();
  }

  #startReady(): void {
    while (!this.#halted && this.#permitsTaken < this.#permits) {
      const next = this.#ready.shift();
      if (next === undefined) return;
      next.holdsPermit = true;
      this.#permitsTaken += 1;
      next.proceed();
    }
  }
}
