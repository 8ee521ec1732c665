import type { Secret } from '@vault-engine/crypto';
import { secretOf } from '@vault-engine/crypto/plaintext';
import { type Environment, mountable, readConfig, settings, text } from '@vault-engine/runtime';
import type { PlatformId } from '@vault-engine/vault';
import * as z from 'zod';

/** The client registration of this deployment at a provider. */
export interface ClientCredentials {
  readonly id: string;
  /** Null for a public client. */
  readonly secret: Secret | null;
}

/**
 * Reads `VAULT_CLIENT_ID_<PLATFORM>` and `VAULT_CLIENT_SECRET_<PLATFORM>` (upper case, `-` as `_`), each also as `…_FILE`,
 * for each of `platforms`. The result has no entry for a platform without them. Throws `ConfigRefused`, which names each
 * wrong variable. `env` is the environment, which the `config.ts` of a service passes in.
 */
export const readClientCredentials = (
  env: Environment,
  platforms: readonly PlatformId[],
): ReadonlyMap<PlatformId, ClientCredentials> => {
  const clients = readConfig(
    Object.fromEntries(platforms.map((platform) => [platform, clientSettings(platform)])),
    env,
  );
  return new Map(
    platforms.flatMap((platform) => {
      const client = clients[platform];
      return client ? [[platform, client] as const] : [];
    }),
  );
};

const clientSettings = (platform: PlatformId) => {
  const suffix = platform.toUpperCase().replaceAll('-', '_');
  const [id, secret] = [`VAULT_CLIENT_ID_${suffix}`, `VAULT_CLIENT_SECRET_${suffix}`];
  const variables = z.object({ [id]: mountable(text.optional()), [secret]: mountable(text.optional()) });
  return settings(variables, (given, context): ClientCredentials | null => {
    const [clientId, clientSecret] = [given[id], given[secret]];
    if (clientId) return { id: clientId, secret: clientSecret ? secretOf(Buffer.from(clientSecret)) : null };
    if (clientSecret) context.addIssue({ code: 'custom', path: [id], message: `${secret} needs it` });
    return null;
  });
};
