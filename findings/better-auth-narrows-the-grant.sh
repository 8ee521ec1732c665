#!/usr/bin/env bash
# Finding: one refresh with a narrower scope narrows the grant itself in better-auth. No later refresh gives the scope
# that the user consented to, not even when it is asked for.
#
# Parts: better-auth 1.7.5 with @better-auth/oauth-provider 1.7.5, in process with its memory adapter. Needs Node 20
# or newer and npm.
# Input: a grant of "openid profile offline_access". The client refreshes once with scope=openid, to get a weaker
# access token for one purpose, and from then on without a scope, each time with the newest refresh token. At last it
# asks for the consented scope by name.
# Expected: scope limits the access token of that one response. RFC 6749 section 6 has the new refresh token carry the
# same scope as the one that was sent, and takes a refresh without a scope as one for all that was granted.
# Observed: the new refresh token has the narrower scope. The next refresh gives "openid" alone, without a refresh
# token since offline_access is gone too, and asking for the consented scope is refused as invalid_scope.
set -euo pipefail

dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
cd "$dir"

npm install --silent --no-audit --no-fund better-auth@1.7.5 @better-auth/oauth-provider@1.7.5 @better-auth/core@1.7.5 \
  @better-auth/utils@0.4.2 @better-fetch/fetch@1.3.2 better-call@1.4.0

cat > refresh.mjs <<'EOF'
import { createHash, randomBytes } from 'node:crypto';
import { oauthProvider } from '@better-auth/oauth-provider';
import { betterAuth } from 'better-auth';
import { memoryAdapter } from 'better-auth/adapters/memory';
import { jwt } from 'better-auth/plugins';

const origin = 'http://127.0.0.1';
const callback = 'https://client.example/callback';
const scope = 'openid profile offline_access';
const tables = ['user', 'session', 'account', 'verification', 'jwks', 'oauthClient', 'oauthAccessToken', 'oauthRefreshToken',
  'oauthConsent', 'oauthResource', 'oauthClientResource', 'oauthClientAssertion'];
const auth = betterAuth({
  baseURL: origin,
  secret: randomBytes(32).toString('hex'),
  database: memoryAdapter(Object.fromEntries(tables.map((table) => [table, []]))),
  emailAndPassword: { enabled: true },
  plugins: [
    jwt(),
    oauthProvider({ loginPage: '/login', consentPage: '/consent', silenceWarnings: { oauthAuthServerConfig: true, openidConfig: true } }),
  ],
});
const call = (path, init) => auth.handler(new Request(`${origin}/api/auth${path}`, init));

const signUp = await call('/sign-up/email', {
  method: 'POST',
  headers: { 'content-type': 'application/json', origin },
  body: JSON.stringify({ name: 'User', email: 'user@example.com', password: randomBytes(16).toString('hex') }),
});
const cookie = signUp.headers.getSetCookie().map((line) => line.split(';')[0]).join('; ');
const client = await auth.api.adminCreateOAuthClient({
  body: { redirect_uris: [callback], scope, skip_consent: true, grant_types: ['authorization_code', 'refresh_token'] },
  headers: new Headers({ cookie }),
});

const verifier = randomBytes(32).toString('hex');
const query = new URLSearchParams({
  response_type: 'code', client_id: client.client_id, redirect_uri: callback, scope, state: 'state',
  code_challenge: createHash('sha256').update(verifier).digest('base64url'), code_challenge_method: 'S256',
});
const authorized = await call(`/oauth2/authorize?${query}`, { headers: { cookie } });
const code = new URL(authorized.headers.get('location')).searchParams.get('code');

const authorization = `Basic ${Buffer.from(`${client.client_id}:${client.client_secret}`).toString('base64')}`;
const post = (path, form) => call(path, {
  method: 'POST',
  headers: { authorization, 'content-type': 'application/x-www-form-urlencoded' },
  body: new URLSearchParams(form),
});
const exchange = { grant_type: 'authorization_code', code, redirect_uri: callback, code_verifier: verifier };
const { refresh_token: token } = await (await post('/oauth2/token', exchange)).json();

async function refresh(token, form = {}) {
  const response = await post('/oauth2/token', { grant_type: 'refresh_token', refresh_token: token, ...form });
  const { scope: granted, error, refresh_token: next } = await response.json();
  return { status: response.status, scope: granted, error, next };
}
const shown = ({ next, ...rest }) => JSON.stringify({ ...rest, hasRefreshToken: next !== undefined });
const full = await refresh(token);
const narrowed = await refresh(full.next, { scope: 'openid' });
const later = await refresh(narrowed.next);
const asked = await refresh(later.next ?? narrowed.next, { scope });

console.log(`better-auth 1.7.5 with @better-auth/oauth-provider 1.7.5, consent to "${scope}"`);
console.log('expected: only the second of the four is narrower');
console.log('observed: refresh                   ', shown(full));
console.log('observed: refresh with scope=openid ', shown(narrowed));
console.log('observed: refresh                   ', shown(later));
console.log('observed: refresh with the full one ', shown(asked));
if (full.scope !== scope || narrowed.scope !== 'openid' || later.scope !== 'openid' || asked.status === 200) {
  console.log('CHANGED: a narrower access token leaves the grant as it is');
  process.exit(1);
}
console.log('STILL SO: a narrower access token narrowed the grant for good');
EOF
timeout 120 node refresh.mjs
