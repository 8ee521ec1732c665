#!/usr/bin/env bash
# Finding: simple-oauth2 forgets the refresh token when a refresh response does not repeat it, and the next refresh
# sends an empty refresh_token.
#
# Parts: simple-oauth2 5.1.0 against an authorization server of a few lines. Needs Node 20 or newer and npm.
# Input: a server that does not rotate refresh tokens. It answers each refresh with a new access token only, which
# RFC 6749 section 6 allows: the server MAY issue a new refresh token, and without one the client keeps its own.
# Expected: two refreshes in a row both send the refresh token that the user's consent gave.
# Observed: after the first refresh the token object has refresh_token: undefined. The second request carries
# refresh_token= with no value, which a real server answers with an error; the grant itself is fine.
set -euo pipefail

dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
cd "$dir"

npm install --silent --no-audit --no-fund simple-oauth2@5.1.0

cat > refresh.mjs <<'EOF'
import { once } from 'node:events';
import { createServer } from 'node:http';
import { text } from 'node:stream/consumers';
import oauth from 'simple-oauth2';

const sent = [];
const server = createServer(async (request, response) => {
  sent.push(new URLSearchParams(await text(request)).get('refresh_token'));
  response.writeHead(200, { 'content-type': 'application/json' });
  response.end(JSON.stringify({ access_token: `access-${sent.length}`, token_type: 'Bearer', expires_in: 3600 }));
}).listen(0, '127.0.0.1');
await once(server, 'listening');

const client = new oauth.AuthorizationCode({
  client: { id: 'client', secret: 'secret' },
  auth: { tokenHost: `http://127.0.0.1:${server.address().port}` },
});
const granted = client.createToken({ access_token: 'access-0', refresh_token: 'refresh-0', expires_in: 3600 });
const first = await granted.refresh();
await first.refresh().catch((error) => console.log('second refresh:', error.message));
server.close();

console.log('simple-oauth2 5.1.0, refresh_token of two refreshes in a row');
console.log('expected:', ['refresh-0', 'refresh-0']);
console.log('observed:', sent);
if (sent[0] !== 'refresh-0' || sent[1] === 'refresh-0') {
  console.log('CHANGED: the second refresh sent the refresh token');
  process.exit(1);
}
console.log('STILL SO: the second refresh did not send the refresh token');
EOF
timeout 120 node refresh.mjs
