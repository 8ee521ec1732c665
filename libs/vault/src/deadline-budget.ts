/** How long a use case waits for those outside: as long as its caller's time allows, and so that others need not wait. */
export interface DeadlineBudget {
  /** What `ask` answers; `late` where it has not by then. It goes on, and nobody looks at its answer. */
  within<T>(ask: () => Promise<T>, late: T): Promise<T>;
  /** Resolves after so many milliseconds. */
  readonly sleep: (ms: number) => Promise<unknown>;
}
