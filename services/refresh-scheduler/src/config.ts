import { vaultSettings } from '@vault-engine/assembly';
import { type Environment, readConfig, serviceSettings, settings, wholeNumber } from '@vault-engine/runtime';
import * as z from 'zod';

/** How what falls due is found and handed out. */
export interface SweepSettings {
  /** Milliseconds from the end of one sweep to the beginning of the next, at least. */
  readonly everyMs: number;
  /** What is taken from the due index in one go. */
  readonly batch: number;
  /** After so many milliseconds what was taken falls due once more, whatever became of it. */
  readonly againInMs: number;
  /** How many jobs may wait in one queue. */
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

/** After how many milliseconds a transition is written that whoever made it has not: longer than a write may take. */
const drainSettings = settings(
  z.object({ VAULT_SCHEDULER_DRAIN_AFTER_MS: wholeNumber(1_000, 600_000).default(10_000) }),
  (variables) => ({ afterMs: variables.VAULT_SCHEDULER_DRAIN_AFTER_MS }),
);

/** The scheduler's configuration; throws `ConfigRefused` that names each variable that is wrong. */
export const readSchedulerConfig = (env: Environment) =>
  readConfig({ ...serviceSettings, ...vaultSettings, sweep: sweepSettings, drain: drainSettings }, env);

/** What {@link readSchedulerConfig} answers. */
export type SchedulerConfig = ReturnType<typeof readSchedulerConfig>;
