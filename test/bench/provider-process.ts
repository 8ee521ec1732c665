import { openAuthorizationServer } from '@vault-engine/authorization-server';
import type { FromProvider, ToProvider } from './open-provider.ts';

const tell = (message: FromProvider): void => {
  process.send?.(message);
};

// Without its parent nobody would end it.
process.on('disconnect', () => process.exit(0));

const server = await openAuthorizationServer({ lifetimes: { access: 3_600, refresh: 86_400 } });
process.on('message', async (message: ToProvider) => {
  if (message.kind === 'counts') tell({ kind: 'counts', counts: server.counts().refreshes });
  else tell({ kind: 'tokens', tokens: await Promise.all(message.accounts.map(server.consent)) });
});
tell({ kind: 'ready', profile: server.profile, client: server.client });
