import { randomBytes } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { profileAt } from '@vault-engine/authorization-server';
import { authorizationServerPlan, authorizationServerPort, type ServicePlan, type VaultPlace } from './services.ts';
import { clientSecretFile, type FurtherPlatforms, writePlatforms } from './write-platforms.ts';

/** The demonstration platform. Its OAuth server runs beside the vault, and its tokens expire after two minutes. */
export const DEMO = 'demo';
/** The vault's client id at that server. */
const CLIENT_ID = 'vault';

/** Writes the profile of {@link DEMO}. Its client secret is generated at the first start and kept. */
export const writeDemoPlatform = async (stateDir: string, firstPort: number): Promise<FurtherPlatforms> => {
  const url = `http://127.0.0.1:${authorizationServerPort({ firstPort })}`;
  const secret = (await storedSecret(stateDir)) ?? randomBytes(32).toString('base64url');
  return writePlatforms(stateDir, [{ id: DEMO, profile: profileAt(url, 'Demo'), client: { id: CLIENT_ID, secret } }]);
};

/** The OAuth server of {@link DEMO}. */
export const demoServerPlan = (place: VaultPlace, stateDir: string): ServicePlan =>
  authorizationServerPlan(place, { id: CLIENT_ID, secretFile: clientSecretFile(stateDir, DEMO) });

const storedSecret = (stateDir: string): Promise<string | null> =>
  readFile(clientSecretFile(stateDir, DEMO), 'utf8').catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return null;
    throw error;
  });
