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

/** How many users are projected at once, and after how many milliseconds without a heartbeat another projector takes over. */
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

/** What the reconciliation of topic and store may take, and how long it waits for changes that are on their way. */
export interface ReconcileSettings {
  /** Milliseconds from the end of one walk to the beginning of the next. */
  readonly everyMs: number;
  /** Users of the store that are read a second. */
  readonly usersPerSecond: number;
  /** Milliseconds after which a difference is held for one that stays. */
  readonly graceMs: number;
}

/** A change that a crash left is written after 10 s and looked for every 5 s, so the grace is longer than that. */
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

/** The projector's configuration; throws `ConfigRefused` that names each variable that is wrong. */
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

/** What {@link readProjectorConfig} answers. */
export type ProjectorConfig = ReturnType<typeof readProjectorConfig>;
