/** Processes items one after another. */
export interface InOrder<In> {
  readonly take: (item: In) => void;
  /** Resolves when all taken items have been passed on. */
  readonly settled: () => Promise<void>;
}

/**
 * Passes the result of `read` for each item to `passOn`, in the order of the items. A synchronous result is passed on
 * synchronously; after an asynchronous one, later items wait. Rejections of `read` go to `fail`.
 */
export const inOrder = <In, Out>(
  read: (item: In) => Out | Promise<Out>,
  passOn: (out: Out) => void,
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
      if (last !== null) return wait(last.then(async () => passOn(await read(item))));
      const out = read(item);
      if (out instanceof Promise) wait(out.then(passOn));
      else passOn(out);
    },
    settled: () => last ?? Promise.resolve(),
  };
};
