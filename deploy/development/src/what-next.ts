import { DEMO } from './demo-platform.ts';
import { DEMO_USER } from './first-calls.ts';

/** The first calls as lines to paste: those of the README, and one that shows a refresh. */
export const whatNext = (gateway: string, enginesFile: string, logFile: string): string => `
Try it, in another terminal:

  key() { node -p "JSON.parse(require('fs').readFileSync('${enginesFile}'))['$1'].key"; }

  curl -s ${gateway}/store_token -H 'content-type: application/json' -H 'X-Engine-ID: action' -H "X-Engine-Key: $(key action)" \\
    -d '{"user_id":"u1","platform":"gmail","access_token":"abcd","refresh_token":"r1","expires_at":'$(($(date +%s)+3600))',"scopes":["email"]}'

  curl -s ${gateway}/get_token -H 'content-type: application/json' -H 'X-Engine-ID: sync' -H "X-Engine-Key: $(key sync)" \\
    -d '{"user_id":"u1","platform":"gmail"}'

  curl -s ${gateway}/get_status -H 'content-type: application/json' -H 'X-Engine-ID: local' -H "X-Engine-Key: $(key local)" \\
    -d '{"user_id":"u1"}'

Watch a token refresh: ${DEMO_USER} is connected to an OAuth server on this machine whose tokens expire after two minutes. Call now and
again in two minutes: the token is another one with a later expires_at. Each refresh is printed here (log: ${logFile}).

  curl -s ${gateway}/get_token -H 'content-type: application/json' -H 'X-Engine-ID: sync' -H "X-Engine-Key: $(key sync)" \\
    -d '{"user_id":"${DEMO_USER}","platform":"${DEMO}"}'

Watch the example engine: it reads the connection states from the topic, and prints here what a user has to do.

  curl -s ${gateway}/revoke_token -H 'content-type: application/json' -H 'X-Engine-ID: action' -H "X-Engine-Key: $(key action)" \\
    -d '{"user_id":"u1","platform":"gmail"}'

  npm run vault -- engines list
`;
