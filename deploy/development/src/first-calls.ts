import { type AskGateway, postJson } from './ask-gateway.ts';
import { DEMO } from './demo-platform.ts';

/** Checks the vault over REST: one engine stores a token, another fetches it, a third requests the status. */
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
  if (issued['access_token'] !== token) throw new Error('the fetched token differs from the stored one');
  const { connected_platforms: platforms } = await ask('local', '/get_status', { user_id });
  if (!JSON.stringify(platforms).includes('"active"'))
    throw new Error('the status does not list the connection as active');
  await ask('action', '/forget_user', { user_id });
};

/** The user of the demonstration platform. */
export const DEMO_USER = 'demo-user';

/** Connects {@link DEMO_USER} to the demonstration platform, as an engine does after consent. Does nothing if connected. */
export const connectDemoUser = async (ask: AskGateway, authorizationServer: string): Promise<void> => {
  if (await isConnected(ask)) return;
  const tokens = await postJson(`${authorizationServer}/consent`, { account: DEMO_USER });
  await ask('action', '/store_token', {
    user_id: DEMO_USER,
    platform: DEMO,
    access_token: tokens['access_token'],
    refresh_token: tokens['refresh_token'],
    expires_at: Math.floor(Date.now() / 1_000) + Number(tokens['expires_in']),
    scopes: String(tokens['scope']).split(' '),
  });
};

const isConnected = async (ask: AskGateway): Promise<boolean> => {
  const { connected_platforms: platforms } = await ask('local', '/get_status', { user_id: DEMO_USER });
  if (!Array.isArray(platforms)) throw new Error('/get_status lists no platforms');
  return platforms.some(({ platform_id: id, status }) => id === DEMO && status === 'active');
};
