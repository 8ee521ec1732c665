import {
  type Environment,
  kafkaSettings,
  keySettings,
  profileSettings,
  readConfig,
  redisSettings,
  registrySettings,
  serviceSettings,
  settings,
  wholeNumber,
} from '@vault-engine/runtime';
import * as z from 'zod';

/** How many commands are worked on at once. */
const laneSettings = settings(
  z.object({ VAULT_WORKER_CONCURRENCY: wholeNumber(1, 10_000).default(512) }),
  (variables) => ({
    concurrency: variables.VAULT_WORKER_CONCURRENCY,
  }),
);

/** The worker's configuration; throws `ConfigRefused` that names each variable that is wrong. */
export const readWorkerConfig = (env: Environment) =>
  readConfig(
    {
      ...serviceSettings,
      kafka: kafkaSettings,
      registry: registrySettings,
      redis: redisSettings,
      key: keySettings,
      profiles: profileSettings,
      lanes: laneSettings,
    },
    env,
  );

/** What {@link readWorkerConfig} answers. */
export type WorkerConfig = ReturnType<typeof readWorkerConfig>;
