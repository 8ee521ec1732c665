import { type Adapter, errors } from 'oidc-provider';
import type { GrantStorage } from './grant-storage.ts';

/** A storage as oidc-provider asks for it: one adapter for each of its models. */
export const adaptStorage =
  (storage: GrantStorage) =>
  (model: string): Adapter => {
    const keyOf = (id: string): string => `${model}:${id}`;
    return {
      find: (id) => storage.read(keyOf(id)),
      upsert: (id, payload, expiresIn) => storage.write(keyOf(id), payload, expiresIn, payload.grantId),
      // Two requests that bring the same token at once have both found it unspent: who comes second has used it again.
      consume: async (id) => {
        if (await storage.spend(keyOf(id))) return;
        const { grantId } = (await storage.read(keyOf(id))) ?? {};
        if (grantId !== undefined) await endGrant(storage, grantId);
        throw new errors.InvalidGrant('refresh token already used');
      },
      destroy: (id) => storage.remove(keyOf(id)),
      revokeByGrantId: (grantId) => storage.removeGrant(grantId),
      // Nobody logs in here and no device asks for a code: there are neither sessions nor user codes to be found by.
      findByUid: async () => undefined,
      findByUserCode: async () => undefined,
    };
  };

/** Ends a grant with every token of it. Without the grant itself, also a token that is just being issued is worth nothing. */
export const endGrant = async (storage: GrantStorage, grantId: string): Promise<void> => {
  await storage.remove(`Grant:${grantId}`);
  await storage.removeGrant(grantId);
};
