#!/usr/bin/env bash
# Finding: a prepared aggregation of DuckDB returns and writes wrong group keys once the data leaves the value range
# that the table had when the statement was prepared. No error is raised.
#
# Parts: @duckdb/node-api 1.5.6-r.1 (DuckDB 1.5.6), in memory. Needs Node 20 or newer and npm.
# Input: an hourly roll-up. Each round stages the rows of the next three hours, runs one prepared INSERT ... SELECT ...
# GROUP BY and one prepared SELECT ... GROUP BY, each prepared once at hour 0.
# Expected: the prepared statements store and return what the same statements given as text do.
# Observed: hour 256 becomes hour 0, hour 257 becomes hour 1, and so on, in the stored counters and in the answers of
# the SELECT. The plan made at hour 0 keeps the group key in the eight bits that sufficed then.
set -euo pipefail

dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
cd "$dir"

npm install --silent --no-audit --no-fund @duckdb/node-api@1.5.6-r.1

cat > rollup.mjs <<'EOF'
import { DuckDBInstance } from '@duckdb/node-api';

const HOURS = 300;
const COUNT = 'SELECT hour, platform, count(*) FROM staging GROUP BY hour, platform';
const ROLL_UP = `INSERT INTO counters ${COUNT} ON CONFLICT (hour, platform) DO UPDATE SET n = n + excluded.n`;

const database = await (await DuckDBInstance.create(':memory:')).connect();

async function rollUp(how) {
  await database.run('CREATE OR REPLACE TABLE staging (hour INTEGER, platform VARCHAR)');
  await database.run('CREATE OR REPLACE TABLE counters (hour INTEGER, platform VARCHAR, n INTEGER, PRIMARY KEY (hour, platform))');
  const stage = async (hour) => {
    await database.run('DELETE FROM staging');
    await database.run(`INSERT INTO staging SELECT ${hour} + i % 3, 'gmail' FROM range(300) t(i)`);
  };
  await stage(0);
  const count = await database.prepare(COUNT);
  const insert = await database.prepare(ROLL_UP);
  const selected = new Set();
  for (let hour = 0; hour < HOURS; hour += 3) {
    await stage(hour);
    const counts = await (how === 'prepared' ? count.runAndReadAll() : database.runAndReadAll(COUNT));
    for (const [found] of counts.getRows()) selected.add(found);
    await (how === 'prepared' ? insert.run() : database.run(ROLL_UP));
  }
  const stored = await database.runAndReadAll('SELECT count(*), max(n) FROM counters');
  const [storedHours, rowsOfFullestHour] = stored.getRows()[0].map(Number);
  return { selectedHours: selected.size, storedHours, rowsOfFullestHour };
}

const version = (await database.runAndReadAll('SELECT version()')).getRows()[0][0];
const text = await rollUp('text');
const prepared = await rollUp('prepared').catch((error) => ({ error: error.message }));
console.log(`DuckDB ${version}, ${HOURS} hours of 100 rows each`);
console.log('expected (statements as text): ', text);
console.log('observed (prepared statements):', prepared);

const textIsRight = text.selectedHours === HOURS && text.storedHours === HOURS && text.rowsOfFullestHour === 100;
const preparedIsWrong = prepared.selectedHours < HOURS && prepared.storedHours < HOURS && prepared.rowsOfFullestHour > 100;
if (!textIsRight || !preparedIsWrong) {
  console.log('CHANGED: the prepared statements no longer give wrong hours without an error');
  process.exit(1);
}
console.log('STILL SO: the prepared statements gave late hours as early ones, without an error');
EOF
timeout 120 node rollup.mjs
