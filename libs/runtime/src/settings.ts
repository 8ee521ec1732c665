import * as z from 'zod';
import { type Settings, settings } from './read-config.ts';
import { flag, list, mountable, oneOf, text, url, wholeNumber } from './variables.ts';

/** `development` allows the local key wrapper, plain HTTP and development keys; everything else is `production`. */
export type VaultEnvironment = 'production' | 'development';

const VAULT_ENV = oneOf('production', 'development').default('production');
const HOST_AND_PORT = /^(\[[0-9a-fA-F:]+\]|[A-Za-z0-9._-]+):\d{1,5}$/;

/** `VAULT_ENV`: `production` by default. */
export const environmentSettings: Settings<VaultEnvironment> = settings(
  z.object({ VAULT_ENV }),
  (variables) => variables.VAULT_ENV,
);

/** How the brokers are reached. `ssl` and `sasl` have the shapes that kafkajs takes. */
export interface KafkaSettings {
  readonly brokers: string[];
  readonly ssl: boolean | { readonly ca?: string; readonly cert?: string; readonly key?: string };
  readonly sasl:
    | {
        readonly mechanism: 'plain' | 'scram-sha-256' | 'scram-sha-512';
        readonly username: string;
        readonly password: string;
      }
    | undefined;
  /** Prefix of every topic name; empty by default. */
  readonly topicPrefix: string;
}

const kafkaVariables = z
  .object({
    VAULT_ENV,
    VAULT_KAFKA_BROKERS: list(',', HOST_AND_PORT, 'expected host:port, several separated by commas'),
    VAULT_KAFKA_SSL: flag.optional(),
    VAULT_KAFKA_SSL_CA: mountable(text.optional()),
    VAULT_KAFKA_SSL_CERT: mountable(text.optional()),
    VAULT_KAFKA_SSL_KEY: mountable(text.optional()),
    VAULT_KAFKA_SASL_MECHANISM: oneOf('plain', 'scram-sha-256', 'scram-sha-512').optional(),
    VAULT_KAFKA_SASL_USERNAME: text.optional(),
    VAULT_KAFKA_SASL_PASSWORD: mountable(text.optional()),
    VAULT_TOPIC_PREFIX: z
      .string()
      .regex(/^[A-Za-z0-9._-]{1,64}$/, 'expected 1 to 64 of A-Z a-z 0-9 . _ -')
      .default(''),
  })
  .superRefine((variables, context) => {
    const refuse = (variable: string, message: string) =>
      context.addIssue({ code: 'custom', path: [variable], message });
    if (variables.VAULT_KAFKA_SASL_MECHANISM) {
      if (!variables.VAULT_KAFKA_SASL_USERNAME) refuse('VAULT_KAFKA_SASL_USERNAME', 'SASL needs a user name');
      if (!variables.VAULT_KAFKA_SASL_PASSWORD) refuse('VAULT_KAFKA_SASL_PASSWORD', 'SASL needs a password');
    }
    if (!variables.VAULT_KAFKA_SSL_CERT !== !variables.VAULT_KAFKA_SSL_KEY)
      refuse('VAULT_KAFKA_SSL_CERT', 'a client certificate and its key (VAULT_KAFKA_SSL_KEY) go together');
  });

/** `VAULT_KAFKA_*` and `VAULT_TOPIC_PREFIX`. In production TLS is on by default. */
export const kafkaSettings: Settings<KafkaSettings> = settings(kafkaVariables, (variables) => ({
  brokers: variables.VAULT_KAFKA_BROKERS,
  ssl: kafkaSsl(variables),
  sasl: kafkaSasl(variables),
  topicPrefix: variables.VAULT_TOPIC_PREFIX,
}));

type KafkaVariables = z.output<typeof kafkaVariables>;

const kafkaSsl = (variables: KafkaVariables): KafkaSettings['ssl'] => {
  const { VAULT_KAFKA_SSL_CA: ca, VAULT_KAFKA_SSL_CERT: cert, VAULT_KAFKA_SSL_KEY: key } = variables;
  if (!(variables.VAULT_KAFKA_SSL ?? variables.VAULT_ENV === 'production')) return false;
  return ca || cert ? { ...(ca && { ca }), ...(cert && { cert }), ...(key && { key }) } : true;
};

const kafkaSasl = (variables: KafkaVariables): KafkaSettings['sasl'] => {
  const { VAULT_KAFKA_SASL_USERNAME: username, VAULT_KAFKA_SASL_PASSWORD: password } = variables;
  const mechanism = variables.VAULT_KAFKA_SASL_MECHANISM;
  return mechanism && username && password ? { mechanism, username, password } : undefined;
};

/** How the schema registry is reached. `access` has the shape that libs/contracts takes. */
export interface RegistrySettings {
  /** The base URL of a Confluent-compatible schema registry. */
  readonly url: string;
  readonly access: {
    readonly auth?:
      | { readonly kind: 'basic'; readonly username: string; readonly password: string }
      | { readonly kind: 'bearer'; readonly token: string }
      | undefined;
    readonly tls?:
      | { readonly ca?: string | undefined; readonly cert?: string | undefined; readonly key?: string | undefined }
      | undefined;
  };
}

const registryVariables = z
  .object({
    VAULT_ENV,
    VAULT_REGISTRY_URL: mountable(url('http', 'https')),
    VAULT_REGISTRY_USERNAME: text.optional(),
    VAULT_REGISTRY_PASSWORD: mountable(text.optional()),
    VAULT_REGISTRY_TOKEN: mountable(text.optional()),
    VAULT_REGISTRY_SSL_CA: mountable(text.optional()),
    VAULT_REGISTRY_SSL_CERT: mountable(text.optional()),
    VAULT_REGISTRY_SSL_KEY: mountable(text.optional()),
  })
  .superRefine((variables, context) => {
    const refuse = (variable: string, message: string) =>
      context.addIssue({ code: 'custom', path: [variable], message });
    // What is no URL is refused as such already, and zod runs this check all the same.
    if (!URL.canParse(variables.VAULT_REGISTRY_URL)) return;
    const { protocol, username, password } = new URL(variables.VAULT_REGISTRY_URL);
    if (variables.VAULT_ENV === 'production' && protocol === 'http:')
      refuse('VAULT_REGISTRY_URL', 'expected https; http is for VAULT_ENV=development only');
    if (username !== '' || password !== '')
      refuse('VAULT_REGISTRY_URL', 'has credentials; set VAULT_REGISTRY_USERNAME and VAULT_REGISTRY_PASSWORD instead');
    if (!variables.VAULT_REGISTRY_USERNAME !== !variables.VAULT_REGISTRY_PASSWORD)
      refuse('VAULT_REGISTRY_USERNAME', 'a user name and its password (VAULT_REGISTRY_PASSWORD) go together');
    if (variables.VAULT_REGISTRY_TOKEN && variables.VAULT_REGISTRY_USERNAME)
      refuse('VAULT_REGISTRY_TOKEN', 'is for bearer authentication; unset it or VAULT_REGISTRY_USERNAME');
    if (!variables.VAULT_REGISTRY_SSL_CERT !== !variables.VAULT_REGISTRY_SSL_KEY)
      refuse('VAULT_REGISTRY_SSL_CERT', 'a client certificate and its key (VAULT_REGISTRY_SSL_KEY) go together');
  });

/** `VAULT_REGISTRY_*`: address, basic or bearer authentication, and TLS. In production the address is an https URL. */
export const registrySettings: Settings<RegistrySettings> = settings(registryVariables, (variables) => ({
  url: variables.VAULT_REGISTRY_URL,
  access: { auth: registryAuth(variables), tls: registryTls(variables) },
}));

type RegistryVariables = z.output<typeof registryVariables>;

const registryAuth = (variables: RegistryVariables): RegistrySettings['access']['auth'] => {
  const { VAULT_REGISTRY_USERNAME: username, VAULT_REGISTRY_PASSWORD: password } = variables;
  if (variables.VAULT_REGISTRY_TOKEN) return { kind: 'bearer', token: variables.VAULT_REGISTRY_TOKEN };
  return username && password ? { kind: 'basic', username, password } : undefined;
};

const registryTls = (variables: RegistryVariables): RegistrySettings['access']['tls'] => {
  const { VAULT_REGISTRY_SSL_CA: ca, VAULT_REGISTRY_SSL_CERT: cert, VAULT_REGISTRY_SSL_KEY: key } = variables;
  return ca || cert ? { ca, cert, key } : undefined;
};

/** Where the token store is, and how many replicas it waits for. */
export interface RedisSettings {
  readonly url: string;
  /** Prefix of every key. */
  readonly keyPrefix: string;
  /** How many replicas have to acknowledge a change before it is answered, and within how many milliseconds; null: none. */
  readonly waitReplicas: { readonly count: number; readonly withinMs: number } | null;
}

/** `VAULT_REDIS_URL`, `VAULT_KEY_PREFIX`, `VAULT_REDIS_WAIT_REPLICAS` (default 0), `VAULT_REDIS_WAIT_REPLICAS_MS`. */
export const redisSettings: Settings<RedisSettings> = settings(
  z.object({
    VAULT_REDIS_URL: mountable(url('redis', 'rediss')),
    VAULT_KEY_PREFIX: z
      .string()
      // Braces would choose the Cluster slot.
      .regex(/^[A-Za-z0-9._:-]{1,64}$/, 'expected 1 to 64 of A-Z a-z 0-9 . _ : -')
      .default('vault'),
    VAULT_REDIS_WAIT_REPLICAS: wholeNumber(0, 10).default(0),
    // Less than the time of one attempt of the store, so that the store gets the number of replicas.
    VAULT_REDIS_WAIT_REPLICAS_MS: wholeNumber(1, 400).default(200),
  }),
  (variables) => ({
    url: variables.VAULT_REDIS_URL,
    keyPrefix: variables.VAULT_KEY_PREFIX,
    waitReplicas: replicasOf(variables.VAULT_REDIS_WAIT_REPLICAS, variables.VAULT_REDIS_WAIT_REPLICAS_MS),
  }),
);

const replicasOf = (count: number, withinMs: number): RedisSettings['waitReplicas'] =>
  count === 0 ? null : { count, withinMs };

/** The key that wraps the data keys. `environment` is bound into every wrapped key. */
export type KeySettings =
  | (KeyHierarchySettings & {
      readonly wrapper: 'aws-kms';
      readonly keyId: string;
      /** Keys that stored keys may still be wrapped under. */
      readonly formerKeyIds: readonly string[];
    })
  | (KeyHierarchySettings & { readonly wrapper: 'local'; readonly keyFile: string });

/** The keys between the wrapping key and the users' data keys. */
export interface KeyHierarchySettings {
  readonly environment: VaultEnvironment;
  /** How many branch keys new data keys are spread over; 0 wraps them by the wrapper itself, as earlier releases did. */
  readonly branches: number;
  /** How long cached branch keys are used while the key service is unavailable, milliseconds. */
  readonly outageMs: number;
}

const keyVariables = z.object({
  VAULT_ENV,
  VAULT_KEY_WRAPPER: oneOf('aws-kms', 'local').default('aws-kms'),
  VAULT_KMS_KEY_ID: text.optional(),
  VAULT_KMS_FORMER_KEY_IDS: list(',', /./, 'expected key ids, ARNs or aliases, several separated by commas').default(
    [],
  ),
  VAULT_LOCAL_KEY_FILE: text.optional(),
  VAULT_BRANCH_KEYS: wholeNumber(0, 4_096).default(64),
  VAULT_KEY_OUTAGE_S: wholeNumber(0, 86_400).default(3_600),
});

/** `VAULT_KEY_WRAPPER`, `VAULT_KMS_KEY_ID`, `VAULT_KMS_FORMER_KEY_IDS`, `VAULT_LOCAL_KEY_FILE`, `VAULT_BRANCH_KEYS`, `VAULT_KEY_OUTAGE_S`. The AWS SDK reads region and credentials itself. */
export const keySettings: Settings<KeySettings> = settings(keyVariables, (variables, context) => {
  const { VAULT_ENV: environment, VAULT_KMS_KEY_ID: keyId, VAULT_LOCAL_KEY_FILE: keyFile } = variables;
  const hierarchy = {
    environment,
    branches: variables.VAULT_BRANCH_KEYS,
    outageMs: 1_000 * variables.VAULT_KEY_OUTAGE_S,
  };
  const local = variables.VAULT_KEY_WRAPPER === 'local';
  const refuse = (variable: keyof typeof variables, message: string) => {
    context.addIssue({ code: 'custom', path: [variable], message });
    return z.NEVER;
  };
  if (environment === 'production' && keyFile) refuse('VAULT_LOCAL_KEY_FILE', 'is for VAULT_ENV=development only');
  if (environment === 'production' && local)
    return refuse('VAULT_KEY_WRAPPER', 'local is for VAULT_ENV=development only');
  if (local)
    return keyFile
      ? { wrapper: 'local', keyFile, ...hierarchy }
      : refuse('VAULT_LOCAL_KEY_FILE', 'VAULT_KEY_WRAPPER=local needs the path of its key file');
  return keyId
    ? { wrapper: 'aws-kms', keyId, formerKeyIds: variables.VAULT_KMS_FORMER_KEY_IDS, ...hierarchy }
    : refuse('VAULT_KMS_KEY_ID', 'VAULT_KEY_WRAPPER=aws-kms needs the id, ARN or alias of its key');
});

/** The folders of platform profiles, and how providers may be reached. */
export interface ProfileSettings {
  readonly folders: readonly string[];
  /** Allows providers on the loopback interface, also over plain HTTP: development only. */
  readonly allowInsecureLoopback: boolean;
  /** How long one request to a provider may take, milliseconds. */
  readonly timeoutMs: number;
}

const profileVariables = z.object({
  VAULT_ENV,
  VAULT_PROFILES: list(':', /./, 'expected folders, several separated by colons').default([]),
  VAULT_ALLOW_INSECURE_LOOPBACK: oneOf('0', '1').default('0'),
  VAULT_PROVIDER_TIMEOUT_MS: wholeNumber(100, 60_000).default(10_000),
});

/** `VAULT_PROFILES`: folders of further platform profiles, `:` between. `VAULT_ALLOW_INSECURE_LOOPBACK`, `VAULT_PROVIDER_TIMEOUT_MS`. */
export const profileSettings: Settings<ProfileSettings> = settings(profileVariables, (variables, context) => {
  const allowInsecureLoopback = variables.VAULT_ALLOW_INSECURE_LOOPBACK === '1';
  if (allowInsecureLoopback && variables.VAULT_ENV === 'production')
    context.addIssue({
      code: 'custom',
      path: ['VAULT_ALLOW_INSECURE_LOOPBACK'],
      message: 'is for VAULT_ENV=development only',
    });
  return { folders: variables.VAULT_PROFILES, allowInsecureLoopback, timeoutMs: variables.VAULT_PROVIDER_TIMEOUT_MS };
});

/** Where `/metrics`, `/healthz` and `/readyz` are served. */
export interface OperationsSettings {
  readonly host: string;
  /** 0: any free port. */
  readonly port: number;
}

/** `VAULT_METRICS_HOST` and `VAULT_METRICS_PORT`; loopback and 9464, the port of OpenTelemetry's Prometheus exporter. */
export const operationsSettings: Settings<OperationsSettings> = settings(
  z.object({ VAULT_METRICS_HOST: text.default('127.0.0.1'), VAULT_METRICS_PORT: wholeNumber(0, 65535).default(9464) }),
  (variables) => ({ host: variables.VAULT_METRICS_HOST, port: variables.VAULT_METRICS_PORT }),
);

/** The least severe level that is logged. */
export type LogLevel = 'fatal' | 'error' | 'warn' | 'info' | 'debug' | 'silent';

/** `VAULT_LOG_LEVEL`. */
export const logSettings: Settings<{ readonly level: LogLevel }> = settings(
  z.object({ VAULT_LOG_LEVEL: oneOf('fatal', 'error', 'warn', 'info', 'debug', 'silent').default('info') }),
  (variables) => ({ level: variables.VAULT_LOG_LEVEL }),
);

/** `NODE_OPTIONS`: flags in it can open the inspector or write the heap to disk; see `hardenProcess`. */
export const nodeSettings: Settings<{ readonly options: string }> = settings(
  z.object({ NODE_OPTIONS: text.default('') }),
  (variables) => ({ options: variables.NODE_OPTIONS }),
);

/** The sections that every service's configuration has: spread them into its own. */
export const serviceSettings = {
  environment: environmentSettings,
  log: logSettings,
  node: nodeSettings,
  operations: operationsSettings,
} as const;
