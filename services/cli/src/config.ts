import { dirname, join } from 'node:path';
import {
  type Environment,
  environmentSettings,
  kafkaSettings,
  keySettings,
  mountable,
  profileSettings,
  readConfig,
  redisSettings,
  registrySettings,
  settings,
} from '@vault-engine/runtime';
import * as z from 'zod';
import { CliFailure, EXIT } from './failure.ts';
import { developmentKey, readRunFile } from './run-file.ts';

const engineVariables = z.object({
  VAULT_ENGINE_ID: z.string('the engine to call the vault as; with npm start running, use --as <engine> instead'),
  VAULT_ENGINE_KEY: mountable(
    z.string('its Kafka credential (vek1.…), or set VAULT_ENGINE_KEY_FILE to the path of a file that contains it'),
  ),
});

/** `VAULT_ENGINE_ID` and `VAULT_ENGINE_KEY`: the engine in whose name `token` calls the vault. */
const engineSettings = settings(engineVariables, (variables) => ({
  engine: variables.VAULT_ENGINE_ID,
  credential: variables.VAULT_ENGINE_KEY,
}));

/** Each command group reads its settings when it runs, so that help and usage errors need no configuration. */
export interface CliConfig {
  readonly topics: () => TopicsConfig;
  readonly auditedTopics: () => AuditedTopicsConfig;
  readonly schemas: () => SchemasConfig;
  readonly auditedSchemas: () => AuditedSchemasConfig;
  readonly kafka: () => KafkaConfig;
  readonly platformNames: () => PlatformNamesConfig;
  readonly state: () => StateConfig;
  readonly refresh: () => RefreshConfig;
  /** The variable with the client id of a platform, if it is not set here; null: it is set. */
  readonly missingClient: (platform: string) => string | null;
  readonly engines: () => EnginesConfig;
  readonly deadLetters: () => DeadLettersConfig;
  /** Reads files only; needs no vault. */
  readonly platforms: () => PlatformsConfig;
  /** `as`: an engine of `npm start`, instead of `VAULT_ENGINE_ID` and `VAULT_ENGINE_KEY`. */
  readonly token: (as: string | undefined) => TokenConfig;
}

const TOPICS = { environment: environmentSettings, kafka: kafkaSettings } as const;
const AUDITED_TOPICS = { ...TOPICS, registry: registrySettings } as const;
const SCHEMAS = { registry: registrySettings } as const;
const AUDITED_SCHEMAS = { kafka: kafkaSettings, ...SCHEMAS } as const;
const PLATFORM_NAMES = { kafka: kafkaSettings, ...SCHEMAS, profiles: profileSettings } as const;
const STATE = { ...TOPICS, ...SCHEMAS, redis: redisSettings } as const;
const REFRESH = { ...STATE, profiles: profileSettings } as const;
const ENGINES = { ...TOPICS, ...SCHEMAS, key: keySettings, profiles: profileSettings } as const;
const KAFKA = { kafka: kafkaSettings } as const;
const DEAD_LETTERS = { kafka: kafkaSettings, ...SCHEMAS } as const;
const PLATFORMS = { profiles: profileSettings } as const;
const TOKEN = { kafka: kafkaSettings, ...SCHEMAS } as const;

export type TopicsConfig = ReturnType<typeof readConfig<typeof TOPICS>>;
export type AuditedTopicsConfig = ReturnType<typeof readConfig<typeof AUDITED_TOPICS>>;
export type AuditedSchemasConfig = ReturnType<typeof readConfig<typeof AUDITED_SCHEMAS>>;
export type KafkaConfig = ReturnType<typeof readConfig<typeof KAFKA>>;
export type SchemasConfig = ReturnType<typeof readConfig<typeof SCHEMAS>>;
export type DeadLettersConfig = ReturnType<typeof readConfig<typeof DEAD_LETTERS>>;
export type PlatformNamesConfig = ReturnType<typeof readConfig<typeof PLATFORM_NAMES>>;
export type PlatformsConfig = ReturnType<typeof readConfig<typeof PLATFORMS>>;
export type StateConfig = ReturnType<typeof readConfig<typeof STATE>>;
export type RefreshConfig = ReturnType<typeof readConfig<typeof REFRESH>>;
export type EnginesConfig = ReturnType<typeof readConfig<typeof ENGINES>>;
/** The engine in whose name the vault is called. */
export interface EngineIdentity {
  readonly engine: string;
  /** The credential for Kafka. A secret. */
  readonly credential: string;
}

export type TokenConfig = ReturnType<typeof readConfig<typeof TOKEN>> & EngineIdentity;

/**
 * Reads the configuration from `env`. If `env` selects no vault, the settings come from the run file of `npm start` at
 * `runFilePath`, and the wrapping key from the key file beside it. Each function throws `ConfigRefused` or `CliFailure`.
 */
export const cliConfig = (env: Environment, runFilePath: string): CliConfig => {
  const effective = () => withDevelopmentStart(env, runFilePath);
  return {
    topics: () => readConfig(TOPICS, effective()),
    auditedTopics: () => readConfig(AUDITED_TOPICS, effective()),
    schemas: () => readConfig(SCHEMAS, effective()),
    auditedSchemas: () => readConfig(AUDITED_SCHEMAS, effective()),
    kafka: () => readConfig(KAFKA, effective()),
    platformNames: () => readConfig(PLATFORM_NAMES, effective()),
    state: () => readConfig(STATE, effective()),
    refresh: () => readConfig(REFRESH, effective()),
    missingClient: (platform) => {
      const variable = `VAULT_CLIENT_ID_${platform.toUpperCase().replaceAll('-', '_')}`;
      const env = effective();
      return env[variable] || env[`${variable}_FILE`] ? null : variable;
    },
    engines: () => readConfig(ENGINES, effective()),
    deadLetters: () => readConfig(DEAD_LETTERS, effective()),
    platforms: () => readConfig(PLATFORMS, env),
    token: (as) =>
      as === undefined
        ? withIdentity(readConfig({ ...TOKEN, engine: engineSettings }, effective()))
        : { ...readConfig(TOKEN, effective()), engine: as, credential: developmentCredential(as, runFilePath) },
  };
};

/** {@link cliConfig} of this process. `VAULT_STATE_DIR` replaces `localFolder` as the state folder of `npm start`. */
export const readEnvironment = (localFolder: string): CliConfig =>
  cliConfig(process.env, join(process.env['VAULT_STATE_DIR'] || localFolder, 'run.json'));

const withIdentity = ({ engine, ...rest }: Omit<TokenConfig, keyof EngineIdentity> & { engine: EngineIdentity }) => ({
  ...rest,
  ...engine,
});

/** Each of these variables selects a vault. If one is set, the run file of `npm start` is ignored. */
const SELECTS_A_VAULT = [
  'VAULT_ENV',
  'VAULT_KAFKA_BROKERS',
  'VAULT_REGISTRY_URL',
  'VAULT_REGISTRY_URL_FILE',
  'VAULT_REDIS_URL',
  'VAULT_REDIS_URL_FILE',
  'VAULT_KEY_WRAPPER',
  'VAULT_KMS_KEY_ID',
  'VAULT_LOCAL_KEY_FILE',
] as const;

const withDevelopmentStart = (env: Environment, runFilePath: string): Environment => {
  if (SELECTS_A_VAULT.some((name) => env[name])) return env;
  const run = readRunFile(runFilePath);
  if (run === null)
    throw new CliFailure(
      'no vault is configured and npm start is not running: set VAULT_KAFKA_BROKERS and VAULT_REGISTRY_URL, or run npm start',
      EXIT.configuration,
    );
  return {
    ...run.providers,
    ...env,
    VAULT_ENV: 'development',
    VAULT_ALLOW_INSECURE_LOOPBACK: '1',
    VAULT_KAFKA_BROKERS: run.kafka,
    VAULT_REGISTRY_URL: run.registry,
    VAULT_REDIS_URL: run.redis,
    VAULT_KEY_WRAPPER: 'local',
    VAULT_LOCAL_KEY_FILE: join(dirname(runFilePath), 'keys', 'local.key'),
  };
};

const developmentCredential = (engine: string, runFilePath: string): string => {
  const run = readRunFile(runFilePath);
  if (run === null)
    throw new CliFailure(
      '--as needs npm start, which is not running: set VAULT_ENGINE_ID and VAULT_ENGINE_KEY_FILE instead',
      EXIT.configuration,
    );
  return developmentKey(run.engines, engine);
};
