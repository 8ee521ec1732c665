import { chmod, mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { WrittenProfile } from '@vault-engine/platforms';
import { stringify } from 'yaml';

/** A platform in addition to `platform-profiles`, with the vault's client registration. */
export interface FurtherPlatform {
  readonly id: string;
  readonly profile: WrittenProfile;
  /** Null without a registration. */
  readonly client: { readonly id: string; readonly secret: string } | null;
}

/** Settings of services for further platforms. */
export interface FurtherPlatforms {
  readonly profileFolders: readonly string[];
  /** `VAULT_CLIENT_ID_<PLATFORM>` and `VAULT_CLIENT_SECRET_<PLATFORM>_FILE`. */
  readonly clients: Readonly<Record<string, string>>;
}

/** Path of the client secret of a further platform. */
export const clientSecretFile = (stateDir: string, platform: string): string =>
  join(stateDir, 'keys', `${platform}.client-secret`);

/** Writes each platform's profile and client secret into the state folder. Secrets are readable by their owner only. */
export const writePlatforms = async (
  stateDir: string,
  platforms: readonly FurtherPlatform[],
): Promise<FurtherPlatforms> => {
  if (platforms.length === 0) return { profileFolders: [], clients: {} };
  const folder = join(stateDir, 'platform-profiles');
  await mkdir(folder, { recursive: true });
  await mkdir(join(stateDir, 'keys'), { recursive: true, mode: 0o700 });
  const clients: Record<string, string> = {};
  for (const { id, profile, client } of platforms) {
    await writeFile(join(folder, `${id}.yaml`), `# Generated at each start.\n${stringify(profile)}`);
    if (client === null) continue;
    const secretFile = clientSecretFile(stateDir, id);
    await writeFile(secretFile, client.secret, { mode: 0o600 });
    await chmod(secretFile, 0o600);
    const suffix = id.toUpperCase().replaceAll('-', '_');
    clients[`VAULT_CLIENT_ID_${suffix}`] = client.id;
    clients[`VAULT_CLIENT_SECRET_${suffix}_FILE`] = secretFile;
  }
  return { profileFolders: [folder], clients };
};
