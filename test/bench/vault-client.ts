import { connectVault, type VaultOptions } from '@vault-engine/client';
import { readArgument } from './echo-place.ts';
import { type Contestant, serveLoad } from './serve-load.ts';
import { PLATFORM, TOKEN, userOf } from './users.ts';

/** What a client of the vault is started with. */
export interface VaultClientPlace {
  readonly operation: 'get_token' | 'store_token';
  readonly vault: VaultOptions;
  /** Whose connections are asked for, by turns. */
  readonly users: number;
}

const LIVES_MS = 3_600_000;

const open = async ({ operation, vault, users }: VaultClientPlace): Promise<Contestant> => {
  const client = await connectVault(vault);
  const store = (n: number) =>
    client.storeToken({
      userId: userOf(n, users),
      platform: PLATFORM,
      accessToken: TOKEN,
      refreshToken: TOKEN,
      expiresAt: Date.now() + LIVES_MS,
      scopes: ['email', 'profile'],
    });
  if (operation === 'store_token') return { call: store, close: () => client.close() };
  await Promise.all(Array.from({ length: users }, (_, n) => store(n)));
  return {
    call: (n) => client.getToken({ userId: userOf(n, users), platform: PLATFORM }),
    close: () => client.close(),
  };
};

await serveLoad(() => open(readArgument<VaultClientPlace>()));
