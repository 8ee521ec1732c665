import { appendFileSync, existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { boundLog, lastLines, readableLine, rotateLog } from './log-files.ts';

let folder: string;
let log: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'vault-engine-logs-'));
  log = join(folder, 'service.log');
});
afterEach(() => rmSync(folder, { recursive: true }));

test('the logs of the last three starts are kept, and older ones removed', async () => {
  await rotateLog(log);
  for (const start of ['1', '2', '3', '4', '5']) {
    await rotateLog(log);
    writeFileSync(log, start);
  }
  expect(['', '.1', '.2', '.3'].map((suffix) => readFileSync(`${log}${suffix}`, 'utf8'))).toEqual(['5', '4', '3', '2']);
  expect(existsSync(`${log}.4`)).toBe(false);
});

test('a log beyond its bound is emptied, and its content is kept once', async () => {
  writeFileSync(log, 'x'.repeat(11));
  await boundLog(log, 11);
  expect(readFileSync(log, 'utf8')).toHaveLength(11);
  appendFileSync(log, 'y');
  await boundLog(log, 11);
  expect([readFileSync(log, 'utf8'), readFileSync(`${log}.1`, 'utf8')]).toEqual(['', `${'x'.repeat(11)}y`]);
  await boundLog(join(folder, 'none.log'));
});

test('the last lines show log records without JSON and stack, and other lines as they are', async () => {
  const error = {
    name: 'PortUnavailable',
    message: 'no reply',
    frames: ['at x'],
    cause: { name: 'Error', code: 'ECONNREFUSED' },
  };
  const record = { level: 'error', time: '2027-01-31T12:00:00.000Z', service: 's', error, message: 'sweep failed' };
  writeFileSync(log, `old\nplain text\n${JSON.stringify(record)}\n`);
  expect(await lastLines(log, 2)).toBe(
    `  plain text\n  2027-01-31T12:00:00.000Z error sweep failed (PortUnavailable no reply: Error ECONNREFUSED)\n  (log: ${log})`,
  );
  expect(readableLine('{not json')).toBe('{not json');
});
