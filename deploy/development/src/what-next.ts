import { DEMO } from './demo-platform.ts';
import { DEMO_USER } from './first-calls.ts';

/** What to try first, as lines to paste: the same three requests as in the README, and one that shows a renewal. */
export const whatNext = (gateway: string, enginesFile: string, logFile: string): string => `
Try it, in another terminal:

  key() { node -p "JSON.parse(require('fs').readFileSync('${enginesFile}'))['$1'].key"; }

  curl -s ${gateway}/store_token -H 'content-type: application/json' -H 'X-Engine-ID: action' -H "X-Engine-Key: $(key action)" \\
    -d '{"user_id":"u1","platform":"gmail","access_token":"abcd","refresh_token":"r1","expires_at":'$(($(date +%s)+3600))',"scopes":["email"]}'

  curl -s ${gateway}/get_token -H 'content-type: application/json' -H 'X-Engine-ID: sync' -H "X-Engine-Key: $(key sync)" \\
    -d '{"user_id":"u1","platform":"gmail"}'

  curl -s ${gateway}/get_status -H 'content-type: application/json' -H 'X-Engine-ID: local' -H "X-Engine-Key: $(key local)" \\
    -d '{"user_id":"u1"}'

Watch a token being renewed: ${DEMO_USER} is connected to an OAuth server of this machine whose tokens last two minutes. Ask now and
again in two minutes: another token, with a later expires_at. ${logFile} has a line for each renewal.

  curl -s ${gateway}/get_token -H 'content-type: application/json' -H 'X-Engine-ID: sync' -H "X-Engine-Key: $(key sync)" \\
    -d '{"user_id":"${DEMO_USER}","platform":"${DEMO}"}'

Watch the example engine: it reads the state of all users from the topic, and prints here whom to ask for what.

  curl -s ${gateway}/revoke_token -H 'content-type: application/json' -H 'X-Engine-ID: action' -H "X-Engine-Key: $(key action)" \\
    -d '{"user_id":"u1","platform":"gmail"}'

  npm run vault -- engines list
`;
