import { vaultSettings } from '@vault-engine/assembly';
import { type Environment, readConfig, serviceSettings, settings, wholeNumber } from '@vault-engine/runtime';
import * as z from 'zod';

/** How due connections are taken from the index and queued. */
export interface SweepSettings {
  /** Minimum pause between two sweeps, milliseconds. */
  readonly everyMs: number;
  /** Maximum number of entries taken from the due index at once. */
  readonly batch: number;
  /** A taken entry becomes due again after this many milliseconds, whatever its result. */
  readonly againInMs: number;
  /** Maximum number of waiting jobs per queue. */
  readonly mayWait: number;
}

const sweepSettings = settings(
  z.object({
    VAULT_SCHEDULER_SWEEP_EVERY_MS: wholeNumber(50, 60_000).default(1_000),
    VAULT_SCHEDULER_SWEEP_BATCH: wholeNumber(1, 10_000).default(500),
    VAULT_SCHEDULER_AGAIN_MS: wholeNumber(1_000, 600_000).default(30_000),
    VAULT_SCHEDULER_MAY_WAIT: wholeNumber(1, 100_000).default(5_000),
  }),
  (variables): SweepSettings => ({
    everyMs: variables.VAULT_SCHEDULER_SWEEP_EVERY_MS,
    batch: variables.VAULT_SCHEDULER_SWEEP_BATCH,
    againInMs: variables.VAULT_SCHEDULER_AGAIN_MS,
    mayWait: variables.VAULT_SCHEDULER_MAY_WAIT,
  }),
);

/**
 * A pending transition older than `afterMs` is published by the scheduler. It must exceed the time that a live process
 * needs to publish its own transition.
 */
const drainSettings = settings(
  z.object({ VAULT_SCHEDULER_DRAIN_AFTER_MS: wholeNumber(1_000, 600_000).default(10_000) }),
  (variables) => ({ afterMs: variables.VAULT_SCHEDULER_DRAIN_AFTER_MS }),
);

/** Reads the scheduler's configuration. Throws a `ConfigRefused` that names every invalid variable. */
export const readSchedulerConfig = (env: Environment) =>
  readConfig({ ...serviceSettings, ...vaultSettings, sweep: sweepSettings, drain: drainSettings }, env);

/** The result of {@link readSchedulerConfig}. */
export type SchedulerConfig = ReturnType<typeof readSchedulerConfig>;
