import { mkdtempSync, readFileSync, rmSync, utimesSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect, test, vi } from 'vitest';
import { lock, tryLock } from './file-lock.ts';

const folder = mkdtempSync(join(tmpdir(), 'vault-engine-lock-'));
afterAll(() => rmSync(folder, { recursive: true }));

test('a second process gets the id of the holder, and the lock after its release', async () => {
  const path = join(folder, 'second.lock');
  const first = await tryLock(path);
  expect(await tryLock(path)).toEqual({ ok: false, holder: process.pid });
  if (first.ok) await first.lock.release();
  expect(await tryLock(path)).toMatchObject({ ok: true });
});

test('a waiting process gets the lock when it is released', async () => {
  const path = join(folder, 'waits.lock');
  const first = await tryLock(path);
  const waits: number[] = [];
  const second = lock(path, (holder) => waits.push(holder));
  await vi.waitFor(() => expect(waits).toEqual([process.pid]));
  if (first.ok) await first.lock.release();
  await (await second).release();
});

test('the lock of an ended process is taken over', async () => {
  const path = join(folder, 'dead.lock');
  writeFileSync(path, '4194305 left-by-a-crash'); // above the largest process id of Linux
  expect(await tryLock(path)).toMatchObject({ ok: true });
  expect(readFileSync(path, 'utf8')).toContain(`${process.pid} `);
});

test('an untouched lock is taken over even if its process id is in use', async () => {
  const path = join(folder, 'stale.lock');
  writeFileSync(path, `${process.ppid} an-earlier-process-of-this-number`);
  const minuteAgo = new Date(Date.now() - 60_000);
  utimesSync(path, minuteAgo, minuteAgo);
  expect(await tryLock(path)).toMatchObject({ ok: true });
});
