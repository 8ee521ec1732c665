import { Fifo } from './fifo.ts';
import { ShortLivedMap } from './short-lived-map.ts';

/** An item's hold on its lane and on one of the places to work in. */
export interface Turn {
  /** Whether the item has a lane. */
  readonly ordered: boolean;
  /** Lets the next item of the lane begin, and gives the place back, although this item goes on. */
  releaseKeyOrder(): void;
  /** Gives the place back, keeps the lane, and resolves with a place again after `ms`. Never, once halted. */
  rest(ms: number): Promise<void>;
  /** Gives the place back, keeps the lane, and answers what `work` does with a place again. Never, once halted. */
  runOutsideConcurrencyLimit<T>(work: Promise<T>): Promise<T>;
  /** The item is through. */
  end(): void;
}

interface QueuedItem<T> {
  readonly item: T;
  readonly orderingKey: string | null;
  holdsKey: boolean;
  holdsPermit: boolean;
  /** Goes on with the item, once it has a place. */
  begin: () => void;
}

/**
 * Works items off in lanes: in one lane one after the other, in their order; side by side up to `places`; lanes that wait
 * take turns, so that a long one does not starve the short ones. An item without a lane waits for nobody.
 */
export class KeyedScheduler<T> {
  readonly #places: number;
  readonly #start: (item: T, turn: Turn) => void;
  /** Of each lane that is held, who waits. */
  readonly #lanes = new ShortLivedMap<string, Fifo<QueuedItem<T>>>();
  /** At the head of their lanes, waiting for a place. */
  readonly #ready = new Fifo<QueuedItem<T>>();
  readonly #resting = new Set<NodeJS.Timeout>();
  #taken = 0;
  #open = 0;
  #halted = false;
  #idle: (() => void)[] = [];

  constructor({ places, start }: { readonly places: number; readonly start: (item: T, turn: Turn) => void }) {
    this.#places = places;
    this.#start = start;
  }

  /** Items taken and not through, waiting ones included. */
  get open(): number {
    return this.#open;
  }

  /** Items that work right now. */
  get working(): number {
    return this.#taken;
  }

  /** @param lane null: an item of its own */
  submit(orderingKey: string | null, item: T): void {
    const queued: QueuedItem<T> = { item, orderingKey, holdsKey: false, holdsPermit: false, begin: () => undefined };
    queued.begin = () => this.#start(item, this.#turnOf(queued));
    this.#open += 1;
    const queue = orderingKey === null ? undefined : this.#lanes.get(orderingKey);
    if (queue !== undefined) {
      queue.push(queued);
      return;
    }
    if (orderingKey !== null) this.#lanes.set(orderingKey, new Fifo());
    queued.holdsKey = orderingKey !== null;
    this.#ready.push(queued);
    this.#fillPlaces();
  }

  /** Resolves when nothing is open. */
  drained(): Promise<void> {
    return this.#open === 0 ? Promise.resolve() : new Promise((resolve) => this.#idle.push(resolve));
  }

  /** Nothing begins any more, and nothing that rests goes on. */
  halt(): void {
    this.#halted = true;
    for (const timer of this.#resting) clearTimeout(timer);
    this.#resting.clear();
  }

  #turnOf(queued: QueuedItem<T>): Turn {
    return {
      ordered: queued.orderingKey !== null,
      releaseKeyOrder: () => {
        this.#leaveKey(queued);
        this.#leavePermit(queued);
      },
      rest: (ms) => this.#rest(queued, ms),
      runOutsideConcurrencyLimit: (work) => this.#runOutsideConcurrencyLimit(queued, work),
      end: () => this.#end(queued),
    };
  }

  #rest(queued: QueuedItem<T>, ms: number): Promise<void> {
    this.#leavePermit(queued);
    return new Promise((resolve) => {
      queued.begin = resolve;
      const timer = setTimeout(() => {
        this.#resting.delete(timer);
        this.#ready.push(queued);
        this.#fillPlaces();
      }, ms);
      this.#resting.add(timer);
    });
  }

  async #runOutsideConcurrencyLimit<R>(queued: QueuedItem<T>, work: Promise<R>): Promise<R> {
    this.#leavePermit(queued);
    try {
      return await work;
    } finally {
      await new Promise<void>((resolve) => {
        queued.begin = resolve;
        this.#ready.push(queued);
        this.#fillPlaces();
      });
    }
  }

  #end(queued: QueuedItem<T>): void {
    this.#leaveKey(queued);
    this.#open -= 1;
    this.#leavePermit(queued);
    if (this.#open > 0) return;
    for (const resolve of this.#idle) resolve();
    this.#idle = [];
  }

  #leaveKey(queued: QueuedItem<T>): void {
    if (!queued.holdsKey || queued.orderingKey === null) return;
    queued.holdsKey = false;
    const next = this.#lanes.get(queued.orderingKey)?.shift();
    if (next === undefined) {
      this.#lanes.delete(queued.orderingKey);
      return;
    }
    next.holdsKey = true;
    this.#ready.push(next);
  }

  #leavePermit(queued: QueuedItem<T>): void {
    if (queued.holdsPermit) this.#taken -= 1;
    queued.holdsPermit = false;
    this.#fillPlaces();
  }

  #fillPlaces(): void {
    while (!this.#halted && this.#taken < this.#places) {
      const next = this.#ready.shift();
      if (next === undefined) return;
      next.holdsPermit = true;
      this.#taken += 1;
      next.begin();
    }
  }
}
