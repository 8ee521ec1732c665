import type { AskGateway } from './ask-gateway.ts';

/** Shows that the vault works, from outside: one engine stores a token, another gets it, a third asks for the status. */
export const firstRoundTrip = async (ask: AskGateway): Promise<void> => {
  const user_id = 'first-round-trip';
  const connection = { user_id, platform: 'gmail' };
  const token = `first-${Date.now()}`;
  await ask('action', '/store_token', {
    ...connection,
    access_token: token,
    scopes: ['email'],
    expires_at: Math.floor(Date.now() / 1_000) + 3_600,
  });
  const issued = await ask('sync', '/get_token', connection);
  if (issued['access_token'] !== token) throw new Error('the token that came back is not the one that was stored');
  const { connected_platforms: platforms } = await ask('local', '/get_status', { user_id });
  if (!JSON.stringify(platforms).includes('"active"'))
    throw new Error('the status does not list the connection as active');
  await ask('action', '/forget_user', { user_id });
};
