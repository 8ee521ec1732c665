import { type AskGateway, postJson } from './ask-gateway.ts';
import { DEMO } from './demo-platform.ts';

/** Whose connection one can watch. */
export const DEMO_USER = 'demo-user';

/** Connects a user to the demo platform, as an engine does after a consent; a connection that stands is left alone. */
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
