/** When the state topic showed which revision of a user, and who waits to see one. Times are those of one clock. */
export class ShownStates {
  readonly #shown = new Map<string, { readonly revision: number; readonly at: number }>();
  readonly #waiting = new Map<string, Waiting[]>();

  /** The topic shows a revision, and with it every earlier one. */
  show(user: string, revision: number, at: number): void {
    this.#shown.set(user, { revision, at });
    const waiting = this.#waiting.get(user);
    if (waiting === undefined) return;
    const left = waiting.filter((each) => each.revision > revision);
    if (left.length === 0) this.#waiting.delete(user);
    else this.#waiting.set(user, left);
    for (const each of waiting) if (each.revision <= revision) each.see(at);
  }

  /** How long after `from` the topic shows the revision; 0 where it did so before. */
  async delay(user: string, revision: number, from: number): Promise<number> {
    if ((this.#shown.get(user)?.revision ?? -1) >= revision) return 0;
    const { promise, resolve } = Promise.withResolvers<number>();
    this.#waiting.set(user, [...(this.#waiting.get(user) ?? []), { revision, see: resolve }]);
    return Math.max(0, (await promise) - from);
  }
}

interface Waiting {
  readonly revision: number;
  readonly see: (at: number) => void;
}
