import type { FailingReason } from '@vault-engine/model';
import type { Vault } from '../call.ts';
import type { Condition } from '../connection-record.ts';
import { PortUnavailable } from '../ports.ts';
import type { FailedRefresh, RefreshTerms } from '../providers.ts';
import { admit, type CircuitReport, type Incident, type PlatformHealth, record } from './circuit.ts';

/** A refresh that its platform's circuit has admitted. */
export interface Admitted {
  readonly ok: true;
  /** Reports a failure and answers the platform's health after it. */
  readonly report: (failed: FailedRefresh, before: Condition) => Promise<PlatformHealth>;
  readonly reportSuccess: () => Promise<void>;
  /** Gives the permit back if nothing was reported. */
  readonly leave: () => Promise<void>;
}

/** A refresh that has to wait. `incident`: null where only too many requests wait for answers. */
export interface NotAdmitted {
  readonly ok: false;
  readonly incident: Incident | null;
  /** Spread, so that what waits together does not come back together. */
  readonly retryAfterMs: number;
}

/** What is known of a platform whose circuit can't be read: nothing that a verdict could be based on. */
const UNKNOWN_HEALTH: PlatformHealth = { proven: false, lastSuccessAt: null, incident: null };
/** How long a refresh waits for a permit, for the answer of a probe, and between two looks, milliseconds. */
const WAIT = { forMs: 5_000, forProbeMs: 1_000, stepMs: 50 };
const LATER_MS = 2_000;
/** An incident's connections come back within this time at most, milliseconds. */
const SPREAD_MS = 60_000;

/**
 * Asks the circuit of a platform and client for a permit, and waits for a short time while others wait for answers. While the
 * circuit's store is out, refreshes go on, but no verdict is based on them.
 */
export const admitRefresh = async (
  vault: Vault,
  { sleep, random }: { readonly sleep: (ms: number) => Promise<unknown>; readonly random: () => number },
  { terms: { circuit }, forced }: { readonly terms: RefreshTerms; readonly forced: boolean },
): Promise<Admitted | NotAdmitted> => {
  const { circuits, refreshTimeoutMs } = vault.providers;
  const id = vault.uuid();
  const timeoutMs = 2 * refreshTimeoutMs;
  for (let waited = 0; ; waited += WAIT.stepMs) {
    const now = vault.now();
    const answer = await circuits
      .update(circuit, (state) => admit(state, { id, now, timeoutMs, forced }))
      .catch(orIfOut({ kind: 'go' } as const));
    if (answer.kind === 'go') return admitted(vault, circuit, id, timeoutMs);
    if (answer.kind === 'open' && (!answer.isProbing || waited >= WAIT.forProbeMs))
      return { ok: false, incident: answer.incident, retryAfterMs: answer.retryAfterMs + random() * SPREAD_MS };
    if (answer.kind === 'wait' && waited >= WAIT.forMs)
      return { ok: false, incident: null, retryAfterMs: LATER_MS * (1 + random()) };
    await sleep(WAIT.stepMs * (0.5 + random()));
  }
};

const admitted = (vault: Vault, circuit: string, id: string, timeoutMs: number): Admitted => {
  let isReported = false;
  const send = (report: CircuitReport): Promise<PlatformHealth> => {
    isReported = true;
    const now = vault.now();
    return vault.providers.circuits
      .update(circuit, (state) => record(state, { id, now, timeoutMs, report }))
      .catch(orIfOut(UNKNOWN_HEALTH));
  };
  return {
    ok: true,
    report: (failed, before) => send(reportOf(failed, before)),
    reportSuccess: async () => {
      await send({ kind: 'success' });
    },
    leave: async () => {
      if (!isReported) await send(null);
    },
  };
};

/** The first failure of a connection counts for an incident, later ones don't. */
const reportOf = ({ says, answeredBy, status, code, reason }: FailedRefresh, before: Condition): CircuitReport => {
  if (reason === 'introspection_failed' || reason === 'cancelled' || says === 'throttled') return null;
  return {
    kind: 'failure',
    failure: [says, status ?? answeredBy, code ?? reason].join(' '),
    reason: REASONS[says],
    began: before.kind === 'good' || before.kind === 'none',
  };
};

const REASONS: Readonly<Record<FailedRefresh['says'], FailingReason>> = {
  grant_dead: 'provider_unavailable',
  transient: 'provider_unavailable',
  application_fault: 'provider_misconfigured',
  throttled: 'provider_throttles',
};

const orIfOut =
  <T>(instead: T) =>
  (error: unknown): T => {
    if (error instanceof PortUnavailable) return instead;
    throw error;
  };
