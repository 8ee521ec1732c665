/** A repeated task. */
export interface Repeating {
  /** Resolves when the current run is over. No further run begins. */
  readonly stop: () => Promise<void>;
}

/** Runs `task` every `intervalMs`, never two at once. `onError` is called with the error of a run that fails. */
export const every = (
  intervalMs: number,
  task: () => Promise<unknown>,
  onError: (error: unknown) => void,
): Repeating => {
  let running: Promise<unknown> | null = null;
  const timer = setInterval(() => {
    running ??= task()
      .catch(onError)
      .finally(() => {
        running = null;
      });
  }, intervalMs);
  return {
    stop: async () => {
      clearInterval(timer);
      await running;
    },
  };
};
