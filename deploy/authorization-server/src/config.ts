import {
  type Environment,
  mountable,
  readConfig,
  redisSettings,
  serviceSettings,
  settings,
  text,
  wholeNumber,
} from '@vault-engine/runtime';
import * as z from 'zod';

const serverSettings = settings(
  z.object({
    VAULT_ENV: z.literal(
      'development',
      'the authorization server gives tokens to any caller; it runs with VAULT_ENV=development only',
    ),
    VAULT_AUTHORIZATION_SERVER_PORT: wholeNumber(1, 65_535),
    VAULT_AUTHORIZATION_SERVER_CLIENT_ID: text,
    VAULT_AUTHORIZATION_SERVER_CLIENT_SECRET: mountable(text),
    VAULT_AUTHORIZATION_SERVER_ACCESS_LIFETIME_S: wholeNumber(1, 86_400).default(120),
  }),
  (variables) => ({
    port: variables.VAULT_AUTHORIZATION_SERVER_PORT,
    client: {
      id: variables.VAULT_AUTHORIZATION_SERVER_CLIENT_ID,
      secret: variables.VAULT_AUTHORIZATION_SERVER_CLIENT_SECRET,
    },
    accessLifetimeS: variables.VAULT_AUTHORIZATION_SERVER_ACCESS_LIFETIME_S,
  }),
);

/** The server's configuration. Throws `ConfigRefused`, which names each wrong variable. */
export const readServerConfig = (env: Environment) =>
  readConfig({ ...serviceSettings, redis: redisSettings, server: serverSettings }, env);

/** The result of {@link readServerConfig}. */
export type ServerConfig = ReturnType<typeof readServerConfig>;
