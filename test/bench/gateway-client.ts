import { Agent } from 'undici';
import { readArgument } from './echo-place.ts';
import { type Contestant, serveLoad } from './serve-load.ts';
import { PLATFORM, userOf } from './users.ts';

/** What the gateway's client is started with. */
export interface GatewayClientPlace {
  readonly url: string;
  readonly engine: string;
  /** The engine's credential for HTTP. */
  readonly key: string;
}

const open = async ({ url, engine, key }: GatewayClientPlace): Promise<Contestant> => {
  const agent = new Agent({ keepAliveTimeout: 60_000 });
  const headers = { 'content-type': 'application/json', 'x-engine-id': engine, 'x-engine-key': key };
  return {
    call: async (n) => {
      const body = JSON.stringify({ user_id: userOf(n), platform: PLATFORM });
      const answer = await agent.request({ origin: url, path: '/get_token', method: 'POST', headers, body });
      const text = await answer.body.text();
      if (answer.statusCode !== 200) throw new Error(`get_token over HTTP: ${answer.statusCode} ${text}`);
    },
    close: () => agent.close(),
  };
};

await serveLoad(() => open(readArgument<GatewayClientPlace>()));
