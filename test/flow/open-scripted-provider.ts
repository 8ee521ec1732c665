import { openHttpServer, type Received, sendJson } from '@vault-engine/authorization-server';
import type { FurtherPlatform } from '@vault-engine/development';

/** How a provider meets a request for one of its addresses. */
export type Meeting = { readonly status: number; readonly body: object } | 'hang';

/** A provider that revokes and names accounts as a test says. */
export interface ScriptedProvider {
  readonly url: string;
  /** How requests from now on are met, by path. */
  readonly meet: (path: '/revoke' | '/me', meeting: Meeting) => void;
  readonly received: readonly Received[];
  /** A platform whose vault knows these of its addresses. */
  readonly platform: (id: string, knows: readonly ('revoke' | 'identity')[]) => FurtherPlatform;
  readonly close: () => Promise<void>;
}

/** Opens one on loopback that revokes what it is asked to, and says that everything is Ada's. */
export const openScriptedProvider = async (): Promise<ScriptedProvider> => {
  const meetings = new Map<string, Meeting>([
    ['/revoke', { status: 200, body: {} }],
    ['/me', { status: 200, body: { sub: 'ada' } }],
  ]);
  const server = await openHttpServer(({ path }, response) => {
    const meeting = meetings.get(path) ?? { status: 404, body: {} };
    if (meeting !== 'hang') sendJson(response, meeting.status, meeting.body);
  });
  const { url, received, close } = server;
  return {
    url,
    meet: (path, meeting) => meetings.set(path, meeting),
    received,
    platform: (id, knows) => ({
      id,
      profile: {
        display_name: id,
        token: { url: `${url}/token` },
        revoke: knows.includes('revoke') ? { url: `${url}/revoke` } : null,
        identity: knows.includes('identity') ? { url: `${url}/me`, paths: ['sub'] } : null,
      },
      client: { id: 'vault', secret: 'client-secret-of-the-scripted-provider' },
    }),
    close,
  };
};
