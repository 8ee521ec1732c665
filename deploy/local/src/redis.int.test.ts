import { appendFile, mkdtemp, readdir, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { exchange } from './socket-exchange.ts';
import { startPart } from './start-part.ts';

const TORN = '*1\r\n$5\r\nMULTI\r\n*3\r\n$3\r\nSET\r\n$4\r\nhalf\r\n$1\r\n1\r\n*3\r\n$3\r\nSET\r\n$5\r\nother\r\n$1';

test('an incomplete transaction is removed for good, and acknowledged writes before and after it stay', async () => {
  const dataDir = await mkdtemp(join(tmpdir(), 'vault-engine-redis-'));
  const redis = await startPart('redis', { dataDir });
  const ask = async (line: string) => (await exchange(redis.port, Buffer.from(`${line}\r\n`)))?.toString().trim();
  try {
    expect(await ask('SET before 1')).toBe('+OK');
    await redis.kill('SIGKILL');
    const folder = join(dataDir, 'appendonlydir');
    const log = (await readdir(folder)).find((name) => name.endsWith('.incr.aof')) ?? '';
    await appendFile(join(folder, log), TORN);

    await redis.start();
    expect(await ask('SET after 1')).toBe('+OK');
    await redis.kill('SIGKILL');
    await redis.start();
    expect(await ask('EXISTS before after half')).toBe(':2');
    expect(await readFile(join(folder, log), 'latin1')).not.toContain('half');
  } finally {
    await redis.stop();
    await rm(dataDir, { recursive: true, force: true });
  }
});
