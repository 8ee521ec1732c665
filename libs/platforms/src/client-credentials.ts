import type { Secret } from '@vault-engine/crypto';
import { secretOf } from '@vault-engine/crypto/plaintext';
import { type Environment, mountable, readConfig, settings, text } from '@vault-engine/runtime';
import type { PlatformId } from '@vault-engine/vault';
import * as z from 'zod';
import type { PlatformProfile } from './profiles/platform-catalog.ts';

/** A client registration at a provider: an id and one secret of it. */
export interface ClientCredentials {
  readonly id: string;
  /** Null for a public client. */
  readonly secret: Secret | null;
}

/** The client registrations of this deployment at a provider. */
export interface RegisteredClient extends ClientCredentials {
  /** Earlier clients, and earlier secrets of a client, newest first. Grants that they got are refreshed under them. */
  readonly former?: readonly ClientCredentials[];
}

/**
 * The credentials to try in order for a grant of the client `id`: the newest secret first. Empty where that client is not
 * configured.
 *
 * @param id Null: the grant was stored before the client was recorded, so it counts as the current client's.
 */
export const credentialsFor = (registered: RegisteredClient, id: string | null): readonly ClientCredentials[] =>
  [{ id: registered.id, secret: registered.secret }, ...(registered.former ?? [])].filter(
    (credentials) => credentials.id === (id ?? registered.id),
  );

/** What a profile says about the client's secret. */
type ClientRequirement = Pick<PlatformProfile, 'id' | 'auth'>;

/**
 * Reads the clients of each of `profiles` from the environment; `<PLATFORM>` is upper case with `-` as `_`. Each variable can
 * also be a file, as `…_FILE`.
 *
 * - `VAULT_CLIENT_ID_<PLATFORM>` and `VAULT_CLIENT_SECRET_<PLATFORM>`: the current client, whose id new grants are recorded with.
 * - `VAULT_FORMER_CLIENTS_<PLATFORM>`: a JSON list of `{"id": "…", "secret": "…"}`, newest first. An entry with the current id has an
 *   earlier secret of it, which is tried after the current one.
 *
 * The result has no entry for a platform without a client. Throws `ConfigRefused`, which names each wrong variable, also where a
 * client lacks the secret that its profile's `auth` needs. `env` is the environment, which the `config.ts` of a service passes in.
 */
export const readClientCredentials = (
  env: Environment,
  profiles: readonly ClientRequirement[],
): ReadonlyMap<PlatformId, RegisteredClient> => {
  const clients = readConfig(Object.fromEntries(profiles.map((profile) => [profile.id, clientSettings(profile)])), env);
  return new Map(
    profiles.flatMap(({ id }) => {
      const client = clients[id];
      return client ? [[id, client] as const] : [];
    }),
  );
};

const clientSettings = ({ id: platform, auth }: ClientRequirement) => {
  const suffix = platform.toUpperCase().replaceAll('-', '_');
  const [id, secret, former] = [
    `VAULT_CLIENT_ID_${suffix}`,
    `VAULT_CLIENT_SECRET_${suffix}`,
    `VAULT_FORMER_CLIENTS_${suffix}`,
  ];
  const variables = z.object({
    [id]: mountable(text.optional()),
    [secret]: mountable(text.optional()),
    [former]: mountable(text.optional()),
  });
  return settings(variables, (given, context): RegisteredClient | null => {
    const refuse = (variable: string, message: string): null => {
      context.addIssue({ code: 'custom', path: [variable], message });
      return null;
    };
    const [clientId, clientSecret, formerClients] = [given[id], given[secret], given[former]];
    if (clientId === undefined) {
      if (clientSecret !== undefined) refuse(id, `expected an id, because ${secret} is set`);
      if (formerClients !== undefined) refuse(id, `expected an id, because ${former} is set`);
      return null;
    }
    const needsSecret = auth !== 'none';
    if (needsSecret && clientSecret === undefined)
      return refuse(secret, `expected the secret of ${id}, because the profile has auth: ${auth}`);
    const earlier = formerClients === undefined ? [] : formerIn(formerClients, needsSecret);
    if (earlier === null)
      return refuse(former, `expected a JSON list of {"id": "…"${needsSecret ? ', "secret": "…"' : ''}}, newest first`);
    return { ...credentialsOf(clientId, clientSecret), ...(earlier.length > 0 && { former: earlier }) };
  });
};

const credentialsOf = (id: string, secret: string | undefined): ClientCredentials => ({
  id,
  secret: secret === undefined ? null : secretOf(Buffer.from(secret)),
});

const formerSchema = z.array(z.strictObject({ id: z.string().min(1), secret: z.string().min(1).optional() })).min(1);

/** Null: the text is no such list. */
const formerIn = (json: string, needsSecret: boolean): readonly ClientCredentials[] | null => {
  try {
    const { data } = formerSchema.safeParse(JSON.parse(json));
    if (data === undefined || (needsSecret && data.some(({ secret }) => secret === undefined))) return null;
    return data.map(({ id, secret }) => credentialsOf(id, secret));
  } catch {
    return null;
  }
};
