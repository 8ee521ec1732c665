#!/usr/bin/env bash
# Finding: a prepared INSERT ... SELECT ... GROUP BY of DuckDB writes counts under wrong keys once the data
# leaves the value range that the table had when the statement was prepared. No error is raised.
#
# Parts: @duckdb/node-api 1.5.6-r.1 (DuckDB 1.5.6), in memory. Needs Node 20 or newer and npm.
# Input: an hourly roll-up. Each round stages the rows of the next three hours and runs one roll-up statement.
# Expected: the prepared statement stores what the same statement given as text stores.
# Observed: the plan stores the difference to the smallest hour seen at preparation in eight bits. Hour 256 is
# therefore counted as hour 0, hour 257 as hour 1, and so on. A prepared SELECT is planned again and is right.
set -euo pipefail

dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
cd "$dir"

npm install --silent --no-audit --no-fund @duckdb/node-api@1.5.6-r.1

cat > rollup.mjs <<'EOF'
import { DuckDBInstance } from '@duckdb/node-api';

const HOURS = 300;
const ROLL_UP = `INSERT INTO counters SELECT hour, platform, count(*) FROM staging GROUP BY hour, platform
  ON CONFLICT (hour, platform) DO UPDATE SET n = n + excluded.n`;

const database = await (await DuckDBInstance.create(':memory:')).connect();

async function rollUp(how) {
  await database.run('CREATE OR REPLACE TABLE staging (hour INTEGER, platform VARCHAR)');
  await database.run('CREATE OR REPLACE TABLE counters (hour INTEGER, platform VARCHAR, n INTEGER, PRIMARY KEY (hour, platform))');
  const stage = async (hour) => {
    await database.run('DELETE FROM staging');
    await database.run(`INSERT INTO staging SELECT ${hour} + i % 3, 'gmail' FROM range(300) t(i)`);
  };
  await stage(0);
  const prepared = await database.prepare(ROLL_UP);
  for (let hour = 0; hour < HOURS; hour += 3) {
    await stage(hour);
    await (how === 'prepared' ? prepared.run() : database.run(ROLL_UP));
  }
  const result = await database.runAndReadAll('SELECT count(*), max(hour), max(n) FROM counters');
  const [hours, last, most] = result.getRows()[0].map(Number);
  return { hours, last, most };
}

const version = (await database.runAndReadAll('SELECT version()')).getRows()[0][0];
const text = await rollUp('text');
const prepared = await rollUp('prepared').catch((error) => ({ error: error.message }));
console.log(`DuckDB ${version}, ${HOURS} hours of 100 rows each`);
console.log('expected (statement as text): ', text);
console.log('observed (prepared statement):', prepared);

const textIsRight = text.hours === HOURS && text.most === 100;
const preparedIsWrong = prepared.hours < HOURS && prepared.most > 100;
if (!textIsRight || !preparedIsWrong) {
  console.log('CHANGED: the prepared roll-up no longer misfiles hours without an error');
  process.exit(1);
}
console.log('STILL SO: the prepared roll-up counted late hours as early ones, without an error');
EOF
timeout 120 node rollup.mjs
