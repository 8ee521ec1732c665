import { vaultSettings } from '@vault-engine/assembly';
import { type Environment, readConfig, serviceSettings, settings, wholeNumber } from '@vault-engine/runtime';
import * as z from 'zod';

/**
 * How many commands are executed at once, and after how many milliseconds without a heartbeat the group assigns the
 * partitions to another worker. The brokers' `group.min.session.timeout.ms`, 6 s by default, bounds the latter.
 */
const keyedConsumerSettings = settings(
  z.object({
    VAULT_WORKER_CONCURRENCY: wholeNumber(1, 10_000).default(512),
    VAULT_WORKER_SESSION_MS: wholeNumber(1_000, 60_000).default(10_000),
  }),
  (variables) => ({
    concurrency: variables.VAULT_WORKER_CONCURRENCY,
    sessionTimeoutMs: variables.VAULT_WORKER_SESSION_MS,
  }),
);

/** How much of one engine a worker has in flight at most, from a command's authentication to its reply's acknowledgement. */
const inFlightSettings = settings(
  z.object({
    VAULT_WORKER_ENGINE_IN_FLIGHT: wholeNumber(1, 16_000).default(4_000),
    VAULT_WORKER_ENGINE_IN_FLIGHT_BYTES: wholeNumber(262_144, 16_777_216).default(4_194_304),
  }),
  (variables) => ({
    commands: variables.VAULT_WORKER_ENGINE_IN_FLIGHT,
    bytes: variables.VAULT_WORKER_ENGINE_IN_FLIGHT_BYTES,
  }),
);

/** How many samples of unauthenticated records a worker writes to the dead-letter topic within a minute. */
const sampleSettings = settings(
  z.object({ VAULT_WORKER_SAMPLES_PER_MINUTE: wholeNumber(0, 6_000).default(6) }),
  (variables) => ({ perMinute: variables.VAULT_WORKER_SAMPLES_PER_MINUTE }),
);

/** After how many milliseconds any worker publishes a pending transition of another one: longer than a write may take. */
const drainSettings = settings(
  z.object({ VAULT_WORKER_DRAIN_AFTER_MS: wholeNumber(1_000, 600_000).default(10_000) }),
  (variables) => ({ afterMs: variables.VAULT_WORKER_DRAIN_AFTER_MS }),
);

/** The worker's configuration; throws `ConfigRefused` that names each variable that is wrong. */
export const readWorkerConfig = (env: Environment) =>
  readConfig(
    {
      ...serviceSettings,
      ...vaultSettings,
      keyedConsumer: keyedConsumerSettings,
      inFlight: inFlightSettings,
      samples: sampleSettings,
      drain: drainSettings,
    },
    env,
  );

/** What {@link readWorkerConfig} answers. */
export type WorkerConfig = ReturnType<typeof readWorkerConfig>;
