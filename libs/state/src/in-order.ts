/** Hands on items one after the other. */
export interface InOrder<In> {
  readonly take: (item: In) => void;
  /** Resolves when all that were taken are handed on. */
  readonly settled: () => Promise<void>;
}

/**
 * Hands on what `read` makes of each item, in their order: at once where it is there at once, else everything behind it
 * waits. `fail` is told what `read` rejects with.
 */
export const inOrder = <In, Out>(
  read: (item: In) => Out | Promise<Out>,
  handOn: (out: Out) => void,
  fail: (error: unknown) => void,
): InOrder<In> => {
  let last: Promise<void> | null = null;
  const wait = (work: Promise<void>): void => {
    const mine = work.catch(fail);
    last = mine;
    void mine.then(() => {
      if (last === mine) last = null;
    });
  };
  return {
    take: (item) => {
      if (last !== null) return wait(last.then(async () => handOn(await read(item))));
      const out = read(item);
      if (out instanceof Promise) wait(out.then(handOn));
      else handOn(out);
    },
    settled: () => last ?? Promise.resolve(),
  };
};
