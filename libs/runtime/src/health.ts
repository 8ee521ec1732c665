/** The state of one part of a service. `reason` is an error's name and code, never its message. */
export type PartState = { readonly state: 'ready' } | { readonly state: 'waiting'; readonly reason: string };

/** The body of `/readyz`. */
export interface HealthReport {
  readonly ready: boolean;
  readonly stopping: boolean;
  readonly parts: Readonly<Record<string, PartState>>;
}

/** The readiness of a service and its parts. */
export interface Health {
  /** Sets the state of a part. Returns whether the state has changed. */
  readonly set: (part: string, state: PartState) => boolean;
  /** All parts are open: from now on readiness depends on their states only. */
  readonly started: () => void;
  /** From now on the service is not ready, whatever its parts' states, so that no new work is sent to it. */
  readonly stopping: () => void;
  readonly report: () => HealthReport;
}

/** A service is ready when it has started, is not stopping, and every part is ready. */
export const createHealth = (): Health => {
  const parts = new Map<string, PartState>();
  let started = false;
  let stopping = false;
  return {
    set: (part, state) => {
      const before = parts.get(part);
      parts.set(part, state);
      return before === undefined || !sameState(before, state);
    },
    started: () => {
      started = true;
    },
    stopping: () => {
      stopping = true;
    },
    report: () => ({
      ready: started && !stopping && [...parts.values()].every(({ state }) => state === 'ready'),
      stopping,
      parts: Object.fromEntries(parts),
    }),
  };
};

const sameState = (a: PartState, b: PartState): boolean =>
  a.state === b.state && (a.state === 'ready' || b.state === 'ready' || a.reason === b.reason);
