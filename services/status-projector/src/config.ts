import {
  type Environment,
  kafkaSettings,
  readConfig,
  redisSettings,
  registrySettings,
  serviceSettings,
  settings,
  wholeNumber,
} from '@vault-engine/runtime';
import * as z from 'zod';

/** Concurrent users, and the consumer group's session timeout in milliseconds. */
const keyedConsumerSettings = settings(
  z.object({
    VAULT_PROJECTOR_CONCURRENCY: wholeNumber(1, 10_000).default(256),
    VAULT_PROJECTOR_SESSION_MS: wholeNumber(1_000, 60_000).default(10_000),
  }),
  (variables) => ({
    concurrency: variables.VAULT_PROJECTOR_CONCURRENCY,
    sessionTimeoutMs: variables.VAULT_PROJECTOR_SESSION_MS,
  }),
);

/** Interval, read rate and grace period of the reconciliation of topic and store. */
export interface ReconcileSettings {
  /** Pause between two reconciliations, milliseconds. */
  readonly everyMs: number;
  /** Users read from the store per second. */
  readonly usersPerSecond: number;
  /** A difference that lasts longer than this many milliseconds is drift. */
  readonly graceMs: number;
}

/** A transition that a crash left pending is published after at most 15 s (age 10 s, checked every 5 s). The grace period is longer. */
const reconcileSettings = settings(
  z.object({
    VAULT_PROJECTOR_RECONCILE_EVERY_MS: wholeNumber(1_000, 86_400_000).default(600_000),
    VAULT_PROJECTOR_RECONCILE_USERS_PER_SECOND: wholeNumber(1, 100_000).default(500),
    VAULT_PROJECTOR_RECONCILE_GRACE_MS: wholeNumber(0, 600_000).default(20_000),
  }),
  (variables): ReconcileSettings => ({
    everyMs: variables.VAULT_PROJECTOR_RECONCILE_EVERY_MS,
    usersPerSecond: variables.VAULT_PROJECTOR_RECONCILE_USERS_PER_SECOND,
    graceMs: variables.VAULT_PROJECTOR_RECONCILE_GRACE_MS,
  }),
);

/** Reads the projector's configuration. Throws a `ConfigRefused` that names every invalid variable. */
export const readProjectorConfig = (env: Environment) =>
  readConfig(
    {
      ...serviceSettings,
      kafka: kafkaSettings,
      registry: registrySettings,
      redis: redisSettings,
      keyedConsumer: keyedConsumerSettings,
      reconcile: reconcileSettings,
    },
    env,
  );

/** The result of {@link readProjectorConfig}. */
export type ProjectorConfig = ReturnType<typeof readProjectorConfig>;
