/** Does something again and again, each time after the last is over. */
export interface Repeating {
  /** Waits for what is under way; nothing begins any more. */
  readonly stop: () => Promise<void>;
}

/** Runs `task` every `intervalMs`. A run that fails is told to `onError`, and the next one comes all the same. */
export const every = (
  intervalMs: number,
  task: () => Promise<unknown>,
  onError: (error: unknown) => void,
): Repeating => {
  let running: Promise<unknown> = Promise.resolve();
  let busy = false;
  const timer = setInterval(() => {
    if (busy) return;
    busy = true;
    running = task()
      .catch(onError)
      .finally(() => {
        busy = false;
      });
  }, intervalMs);
  return {
    stop: async () => {
      clearInterval(timer);
      await running;
    },
  };
};
