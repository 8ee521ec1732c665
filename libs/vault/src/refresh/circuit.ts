import type { FailingReason } from '@vault-engine/model';

/** The health of one platform and client, as far as a verdict depends on it. Times are Unix milliseconds. */
export interface PlatformHealth {
  /** Whether any refresh of this client has succeeded since it was configured. Until then its refusals are the operator's. */
  readonly proven: boolean;
  readonly lastSuccessAt: number | null;
  /** The open incident; null: none. */
  readonly incident: Incident | null;
}

/** Most connections of a platform and client began to fail alike within minutes. */
export interface Incident {
  /** How they fail: what the answer says, its status and code. */
  readonly failure: string;
  /** The reason that connections show meanwhile. */
  readonly reason: FailingReason;
  readonly since: number;
  /** How many requests have probed it. */
  readonly probes: number;
  readonly nextProbeAt: number;
}

/** The shared state of one circuit, as JSON. A state that does not read counts as a new one. */
export interface CircuitState {
  readonly provenAt: number | null;
  readonly lastSuccessAt: number | null;
  /** Successes of the last minutes, by minute. */
  readonly successes: Counts;
  /** Connections that began to fail in the last minutes, by failure and minute. */
  readonly began: Readonly<Record<string, Counts>>;
  /** Successes of the last seconds, by second: they widen the number of requests at once. */
  readonly recent: Counts;
  /** Requests under way, by id, and when they began. */
  readonly inFlight: Readonly<Record<string, number>>;
  readonly incident: Incident | null;
}

type Counts = Readonly<Record<string, number>>;

/** What a circuit says to a refresh. */
export type Admission =
  | { readonly kind: 'go' }
  /** Too many requests wait for an answer. */
  | { readonly kind: 'wait' }
  /** An incident is open. */
  | {
      readonly kind: 'open';
      readonly incident: Incident;
      readonly retryAfterMs: number;
      /** Whether a probe waits for its answer. */
      readonly isProbing: boolean;
    };

/** The result of a refresh, for its circuit. Null: nothing was sent, or the answer proves nothing of the platform. */
export type CircuitReport =
  | { readonly kind: 'success' }
  | {
      readonly kind: 'failure';
      readonly failure: string;
      readonly reason: FailingReason;
      /** Whether the connection was good before. */
      readonly began: boolean;
    }
  | null;

/**
 * Keeps one small state per platform and client, shared by all processes. `change` may run more than once. Rejects with
 * `PortUnavailable` (`storage`).
 */
export interface CircuitStore {
  update<T>(
    circuit: string,
    change: (state: CircuitState) => { readonly state: CircuitState; readonly answer: T },
  ): Promise<T>;
  /** All circuits with a state. */
  list(): Promise<readonly { readonly circuit: string; readonly state: CircuitState }[]>;
}

export const NEW_CIRCUIT: CircuitState = {
  provenAt: null,
  lastSuccessAt: null,
  successes: {},
  began: {},
  recent: {},
  inFlight: {},
  incident: null,
};

const MINUTE_MS = 60_000;
/** Failures and successes of this time are compared. */
const WINDOW_MS = 10 * MINUTE_MS;
/** An incident takes at least so many connections, and more of them than succeed. */
const LEAST_FAILING = 3;
/** So many requests wait for answers at once; each success of the last seconds allows one more. */
const IN_FLIGHT = { least: 16, recentMs: 2_000 };
/** Probes of an open incident: the first interval, doubled up to the longest. */
const PROBE = { firstMs: 30_000, longestMs: 240_000 };

/**
 * Admits a refresh: `closed` circuits admit as many as get answers, an open one admits one probe per interval. `forced` requests,
 * an operator's, always go. A process that died is forgotten after `timeoutMs`.
 */
export const admit = (
  before: CircuitState,
  { id, now, timeoutMs, forced }: { id: string; now: number; timeoutMs: number; forced: boolean },
): { readonly state: CircuitState; readonly answer: Admission } => {
  const state = pruned(before, now, timeoutMs);
  const go = (next: CircuitState) => ({
    state: { ...next, inFlight: { ...next.inFlight, [id]: now } },
    answer: { kind: 'go' as const },
  });
  const { incident } = state;
  if (forced) return go(state);
  if (incident !== null && now < incident.nextProbeAt)
    return {
      state,
      answer: {
        kind: 'open',
        incident,
        retryAfterMs: incident.nextProbeAt - now,
        isProbing: Object.keys(state.inFlight).length > 0,
      },
    };
  if (incident !== null) return go({ ...state, incident: probed(incident, now) });
  const allowed = IN_FLIGHT.least + total(state.recent);
  return Object.keys(state.inFlight).length < allowed ? go(state) : { state, answer: { kind: 'wait' } };
};

const probed = (incident: Incident, now: number): Incident => {
  const interval = Math.min(PROBE.firstMs * 2 ** Math.min(incident.probes + 1, 10), PROBE.longestMs);
  return { ...incident, probes: incident.probes + 1, nextProbeAt: now + interval };
};

/** Records the result of a refresh that was admitted as `id`. One success ends an incident. */
export const record = (
  before: CircuitState,
  { id, now, timeoutMs, report }: { id: string; now: number; timeoutMs: number; report: CircuitReport },
): { readonly state: CircuitState; readonly answer: PlatformHealth } => {
  const { [id]: _, ...inFlight } = before.inFlight;
  const state = reported(pruned({ ...before, inFlight }, now, timeoutMs), report, now);
  return { state, answer: healthOf(state) };
};

/** What the state says of its platform and client. */
export const healthOf = ({ provenAt, lastSuccessAt, incident }: CircuitState): PlatformHealth => ({
  proven: provenAt !== null,
  lastSuccessAt,
  incident,
});

const reported = (state: CircuitState, report: CircuitReport, now: number): CircuitState => {
  if (report === null) return state;
  if (report.kind === 'success')
    return {
      ...state,
      provenAt: state.provenAt ?? now,
      lastSuccessAt: now,
      successes: plusOne(state.successes, now, MINUTE_MS),
      recent: plusOne(state.recent, now, 1_000),
      began: state.incident === null ? state.began : {},
      incident: null,
    };
  if (!report.began) return state;
  const { failure, reason } = report;
  const began = { ...state.began, [failure]: plusOne(state.began[failure] ?? {}, now, MINUTE_MS) };
  const failing = total(began[failure] ?? {});
  const opens = state.incident === null && failing >= LEAST_FAILING && failing > total(state.successes);
  const incident = opens
    ? { failure, reason, since: now, probes: 0, nextProbeAt: now + PROBE.firstMs }
    : state.incident;
  return { ...state, began, incident };
};

const plusOne = (counts: Counts, now: number, unitMs: number): Counts => {
  const slot = String(Math.floor(now / unitMs));
  return { ...counts, [slot]: (counts[slot] ?? 0) + 1 };
};

const total = (counts: Counts): number => Object.values(counts).reduce((sum, count) => sum + count, 0);

const pruned = (state: CircuitState, now: number, timeoutMs: number): CircuitState => ({
  ...state,
  successes: since(state.successes, now - WINDOW_MS, MINUTE_MS),
  recent: since(state.recent, now - IN_FLIGHT.recentMs, 1_000),
  began: Object.fromEntries(
    Object.entries(state.began)
      .map(([failure, counts]) => [failure, since(counts, now - WINDOW_MS, MINUTE_MS)] as const)
      .filter(([, counts]) => total(counts) > 0),
  ),
  inFlight: Object.fromEntries(Object.entries(state.inFlight).filter(([, began]) => Math.abs(now - began) < timeoutMs)),
});

const since = (counts: Counts, from: number, unitMs: number): Counts =>
  Object.fromEntries(Object.entries(counts).filter(([slot]) => (Number(slot) + 1) * unitMs > from));

/** Circuits of this process alone: for tests, and for tools that refresh nothing. */
export const memoryCircuits = (): CircuitStore => {
  const states = new Map<string, CircuitState>();
  return {
    update: async (circuit, change) => {
      const { state, answer } = change(states.get(circuit) ?? NEW_CIRCUIT);
      states.set(circuit, state);
      return answer;
    },
    list: async () => [...states].map(([circuit, state]) => ({ circuit, state })),
  };
};
