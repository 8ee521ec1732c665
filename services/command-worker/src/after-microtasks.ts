let next: Promise<void> | undefined;

/** Resolves in the next turn of the event loop, behind what this one has gathered to be sent. One for all who ask in this turn. */
export const afterMicrotasks = (): Promise<void> => {
  next ??= new Promise((resolve) =>
    setImmediate(() => {
      next = undefined;
      resolve();
    }),
  );
  return next;
};
