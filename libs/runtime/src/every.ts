/** Something that is done again and again. */
export interface Repeating {
  /** Waits for what is under way; nothing begins any more. */
  readonly stop: () => Promise<void>;
}

/** Runs `task` every `intervalMs`, each time after the last is over. A run that fails is told to `onError`. */
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
