#!/usr/bin/env bash
# Finding: requestTimeout of the AWS SDK for JavaScript ends no request. It logs a warning, and the call goes on
# until the server answers.
#
# Parts: @aws-sdk/client-kms 3.1164.0 against a loopback server. Needs Node 20 or newer and npm.
# Input: a KMS client with requestTimeout: 500 and a server that answers correctly after 3 seconds.
# Expected: the call rejects after about half a second.
# Observed: the call resolves after 3 seconds. Only throwOnRequestTimeout: true, a second option beside the first,
# turns the limit into an error.
set -euo pipefail

dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
cd "$dir"

npm install --silent --no-audit --no-fund @aws-sdk/client-kms@3.1164.0

cat > timeout.mjs <<'EOF'
import { once } from 'node:events';
import { createServer } from 'node:http';
import { GenerateRandomCommand, KMSClient } from '@aws-sdk/client-kms';

const ANSWER_MS = 3000;
const LIMIT_MS = 500;

const server = createServer((request, response) => {
  request.resume();
  setTimeout(() => {
    response.writeHead(200, { 'content-type': 'application/x-amz-json-1.1' });
    response.end(JSON.stringify({ Plaintext: 'AAAA' }));
  }, ANSWER_MS);
}).listen(0, '127.0.0.1');
await once(server, 'listening');

async function call(requestHandler) {
  const client = new KMSClient({
    region: 'us-east-1',
    endpoint: `http://127.0.0.1:${server.address().port}`,
    credentials: { accessKeyId: 'id', secretAccessKey: 'secret' },
    maxAttempts: 1,
    logger: { trace() {}, debug() {}, info() {}, warn() {}, error() {} },
    requestHandler,
  });
  const begun = performance.now();
  const outcome = await client.send(new GenerateRandomCommand({ NumberOfBytes: 3 })).then(() => 'resolved', () => 'rejected');
  client.destroy();
  return { outcome, ms: Math.round(performance.now() - begun) };
}

const limited = await call({ requestTimeout: LIMIT_MS });
const throwing = await call({ requestTimeout: LIMIT_MS, throwOnRequestTimeout: true });
server.close();
server.closeAllConnections();

console.log(`client-kms 3.1164.0, an answer after ${ANSWER_MS} ms and a limit of ${LIMIT_MS} ms`);
console.log('expected: { requestTimeout } rejects');
console.log('observed: { requestTimeout }', limited);
console.log('observed: { requestTimeout, throwOnRequestTimeout }', throwing);
if (limited.outcome !== 'resolved' || limited.ms < ANSWER_MS - 100) {
  console.log('CHANGED: requestTimeout alone ended the call');
  process.exit(1);
}
console.log('STILL SO: requestTimeout alone did not end the call');
EOF
NODE_NO_WARNINGS=1 timeout 120 node timeout.mjs
