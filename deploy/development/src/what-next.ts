/** What to try first, as lines to paste: the same three requests as in the README. */
export const whatNext = (gateway: string, enginesFile: string): string => `
Try it, in another terminal:

  key() { node -p "JSON.parse(require('fs').readFileSync('${enginesFile}'))['$1'].key"; }

  curl -s ${gateway}/store_token -H 'content-type: application/json' -H 'X-Engine-ID: action' -H "X-Engine-Key: $(key action)" \\
    -d '{"user_id":"u1","platform":"gmail","access_token":"abcd","refresh_token":"r1","expires_at":'$(($(date +%s)+3600))',"scopes":["email"]}'

  curl -s ${gateway}/get_token -H 'content-type: application/json' -H 'X-Engine-ID: sync' -H "X-Engine-Key: $(key sync)" \\
    -d '{"user_id":"u1","platform":"gmail"}'

  curl -s ${gateway}/get_status -H 'content-type: application/json' -H 'X-Engine-ID: local' -H "X-Engine-Key: $(key local)" \\
    -d '{"user_id":"u1"}'

  npm run vault -- engines list
`;
