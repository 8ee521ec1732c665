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

interface Held<T> {
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
  readonly #lanes = new ShortLivedMap<string, Fifo<Held<T>>>();
  /** At the head of their lanes, waiting for a place. */
  readonly #ready = new Fifo<Held<T>>();
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
    const held: Held<T> = { item, orderingKey, holdsKey: false, holdsPermit: false, begin: () => undefined };
    held.begin = () => this.#start(item, this.#turnOf(held));
    this.#open += 1;
    const queue = orderingKey === null ? undefined : this.#lanes.get(orderingKey);
    if (queue !== undefined) {
      queue.push(held);
      return;
    }
    if (orderingKey !== null) this.#lanes.set(orderingKey, new Fifo());
    held.holdsKey = orderingKey !== null;
    this.#ready.push(held);
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

  #turnOf(held: Held<T>): Turn {
    return {
      ordered: held.orderingKey !== null,
      releaseKeyOrder: () => {
        this.#leaveKey(held);
        this.#leavePermit(held);
      },
      rest: (ms) => this.#rest(held, ms),
      runOutsideConcurrencyLimit: (work) => this.#runOutsideConcurrencyLimit(held, work),
      end: () => this.#end(held),
    };
  }

  #rest(held: Held<T>, ms: number): Promise<void> {
    this.#leavePermit(held);
    return new Promise((resolve) => {
      held.begin = resolve;
      const timer = setTimeout(() => {
        this.#resting.delete(timer);
        this.#ready.push(held);
        this.#fillPlaces();
      }, ms);
      this.#resting.add(timer);
    });
  }

  async #runOutsideConcurrencyLimit<R>(held: Held<T>, work: Promise<R>): Promise<R> {
    this.#leavePermit(held);
    try {
      return await work;
    } finally {
      await new Promise<void>((resolve) => {
        held.begin = resolve;
        this.#ready.push(held);
        this.#fillPlaces();
      });
    }
  }

  #end(held: Held<T>): void {
    this.#leaveKey(held);
    this.#open -= 1;
    this.#leavePermit(held);
    if (this.#open > 0) return;
    for (const resolve of this.#idle) resolve();
    this.#idle = [];
  }

  #leaveKey(held: Held<T>): void {
    if (!held.holdsKey || held.orderingKey === null) return;
    held.holdsKey = false;
    const next = this.#lanes.get(held.orderingKey)?.shift();
    if (next === undefined) {
      this.#lanes.delete(held.orderingKey);
      return;
    }
    next.holdsKey = true;
    this.#ready.push(next);
  }

  #leavePermit(held: Held<T>): void {
    if (held.holdsPermit) this.#taken -= 1;
    held.holdsPermit = false;
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
