import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { ensureParts } from './ensure-parts.ts';
import { freePort } from './ports.ts';

const nowhere = join(tmpdir(), 'vault-engine-unused');
const quiet = () => undefined;

test('addresses from the environment are used, and nothing is started', async () => {
  const environment = { VAULT_REDIS_URL: 'redis://redis.example:6379', VAULT_KAFKA_BROKERS: 'a:1,b:2' };
  const options = { dataDir: nowhere, ports: 'fixed', log: quiet, environment } as const;
  const parts = await ensureParts({ names: ['redis', 'kafka'], ...options });
  expect(parts.addresses).toEqual({ redis: 'redis://redis.example:6379', kafka: 'a:1,b:2' });
  await parts.stop();
});

test('a port in use is reported in one line with its holder and the remedy', async () => {
  const port = await freePort();
  const server = createServer().listen(port, '127.0.0.1');
  onTestFinished(() => void server.close());
  const environment = { ...process.env, VAULT_REDIS_URL: '', VAULT_PARTS: 'processes', VAULT_REDIS_PORT: String(port) };
  const options = { dataDir: nowhere, ports: 'fixed', log: quiet, environment } as const;
  await expect(ensureParts({ names: ['redis'], ...options })).rejects.toMatchObject({
    name: 'MissingPart',
    message: expect.stringMatching(
      new RegExp(`^port ${port} of Redis is in use by .+: stop it, set VAULT_REDIS_PORT to another port.+$`),
    ),
  });
});

test('an invalid variable is named', async () => {
  const options = { dataDir: nowhere, ports: 'fixed', log: quiet } as const;
  const ensureWith = (variables: NodeJS.ProcessEnv) => {
    const environment = { ...process.env, VAULT_REDIS_URL: '', ...variables };
    return ensureParts({ names: ['redis'], ...options, environment });
  };
  await expect(ensureWith({ VAULT_PARTS: 'podman' })).rejects.toThrow('VAULT_PARTS is "podman"');
  await expect(ensureWith({ VAULT_PARTS: 'processes', VAULT_REDIS_PORT: '6379x' })).rejects.toThrow('VAULT_REDIS_PORT');
});
