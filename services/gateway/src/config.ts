import { isIP } from 'node:net';
import {
  type Environment,
  flag,
  kafkaSettings,
  keySettings,
  mountable,
  readConfig,
  registrySettings,
  serviceSettings,
  settings,
  text,
  wholeNumber,
} from '@vault-engine/runtime';
import * as z from 'zod';

/** A certificate and its key, PEM. */
export interface Tls {
  readonly cert: string;
  readonly key: string;
}

/** Where the gateway listens, and how long it waits. */
export interface HttpSettings {
  readonly host: string;
  /** 0: any free port. */
  readonly port: number;
  /** Null on loopback, or behind a trusted proxy that terminates TLS. */
  readonly tls: Tls | null;
  /** The deadline of each command, milliseconds. */
  readonly timeoutMs: number;
}

/** The whole of 127.0.0.0/8 and ::1 (RFC 1122 §3.2.1.3, RFC 4291 §2.5.3). */
const isLoopback = (host: string): boolean =>
  host === 'localhost' || host === '::1' || (isIP(host) === 4 && host.startsWith('127.'));

const httpVariables = z.object({
  VAULT_GATEWAY_HOST: text.default('127.0.0.1'),
  VAULT_GATEWAY_PORT: wholeNumber(0, 65_535).default(8080),
  VAULT_GATEWAY_TLS_CERT: mountable(text.optional()),
  VAULT_GATEWAY_TLS_KEY: mountable(text.optional()),
  VAULT_GATEWAY_TLS_AT_PROXY: flag.default(false),
  VAULT_GATEWAY_TIMEOUT_MS: wholeNumber(100, 60_000).default(5_000),
});

/** `VAULT_GATEWAY_*`. Without TLS the gateway listens on loopback only, also in development. */
const httpSettings = settings(httpVariables, (variables, context): HttpSettings => {
  const { VAULT_GATEWAY_HOST: host, VAULT_GATEWAY_TLS_CERT: cert, VAULT_GATEWAY_TLS_KEY: key } = variables;
  const refuse = (variable: keyof typeof variables, message: string) =>
    context.addIssue({ code: 'custom', path: [variable], message });
  if (!cert !== !key)
    refuse(cert ? 'VAULT_GATEWAY_TLS_KEY' : 'VAULT_GATEWAY_TLS_CERT', 'certificate and key go together');
  const tls = cert && key ? { cert, key } : null;
  if (tls === null && !isLoopback(host) && !variables.VAULT_GATEWAY_TLS_AT_PROXY)
    refuse(
      'VAULT_GATEWAY_TLS_CERT',
      'outside loopback credentials need TLS; set VAULT_GATEWAY_TLS_CERT_FILE and VAULT_GATEWAY_TLS_KEY_FILE, or VAULT_GATEWAY_TLS_AT_PROXY=true if a trusted proxy terminates TLS',
    );
  return { host, port: variables.VAULT_GATEWAY_PORT, tls, timeoutMs: variables.VAULT_GATEWAY_TIMEOUT_MS };
});

/** The gateway's configuration; throws `ConfigRefused` that names each variable that is wrong. */
export const readGatewayConfig = (env: Environment) =>
  readConfig(
    { ...serviceSettings, kafka: kafkaSettings, registry: registrySettings, key: keySettings, http: httpSettings },
    env,
  );

/** The result of {@link readGatewayConfig}. */
export type GatewayConfig = ReturnType<typeof readGatewayConfig>;
