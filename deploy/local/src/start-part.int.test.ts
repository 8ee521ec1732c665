import { existsSync, readFileSync } from 'node:fs';
import { expect, onTestFinished, test } from 'vitest';
import type { PartName } from './part.ts';
import { exchange } from './socket-exchange.ts';
import { type StartPartOptions, startPart } from './start-part.ts';

test('killed Redis restarts at the same address with all acknowledged writes', async () => {
  const redis = await started('redis');
  expect(await ask(redis.port, 'SET key value')).toBe('+OK');
  await redis.kill();
  expect(redis.pid()).toBeUndefined();
  await redis.start();
  expect(await ask(redis.port, 'GET key')).toContain('value');
});

test('a paused part keeps its port open and does not answer until it is resumed', async () => {
  const redis = await started('redis');
  redis.pause();
  expect(await exchange(redis.port, Buffer.from('PING\r\n'), 300)).toBeUndefined();
  redis.resume();
  expect(await ask(redis.port, 'PING')).toBe('+PONG');
});

test('settings are passed to the part', async () => {
  const redis = await started('redis', { settings: { maxmemory: '5mb' } });
  expect(await ask(redis.port, 'CONFIG GET maxmemory')).toContain('5242880');
});

test('stop removes the data, and also stops a paused part', async () => {
  const redis = await startPart('redis');
  redis.pause();
  await redis.stop();
  expect(existsSync(redis.dataDir)).toBe(false);
});

test('the registry keeps every returned schema id over SIGKILL', async () => {
  const registry = await started('registry');
  const ids = await Promise.all(['One', 'Two', 'Three'].map((name) => register(registry.address, name)));
  await registry.kill();
  await registry.start();
  expect(await Promise.all(['One', 'Two', 'Three'].map((name) => register(registry.address, name)))).toEqual(ids);
  expect(ids).not.toContain(await register(registry.address, 'Four'));
});

test('Kafka restarts on its own log after SIGKILL', async () => {
  const kafka = await started('kafka', { settings: { 'num.partitions': '2' } });
  await kafka.kill();
  await kafka.start();
  expect(readFileSync(`${kafka.dataDir}/server.properties`, 'utf8')).toContain('num.partitions=2');
  expect(kafka.pid()).toBeDefined();
});

test('a part that fails to start is reported with the last lines of its log', async () => {
  await expect(startPart('redis', { settings: { maxmemory: 'plenty' } })).rejects.toThrow(/Redis ended early.*plenty/s);
});

async function started(name: PartName, options?: StartPartOptions) {
  const part = await startPart(name, options);
  onTestFinished(() => part.stop());
  return part;
}

async function ask(port: number, command: string): Promise<string> {
  return (await exchange(port, Buffer.from(`${command}\r\n`)))?.toString().trim() ?? '';
}

async function register(registry: string, name: string): Promise<number> {
  const schema = JSON.stringify({ type: 'record', name, fields: [] });
  const response = await fetch(`${registry}/subjects/${name}/versions`, {
    method: 'POST',
    headers: { 'content-type': 'application/vnd.schemaregistry.v1+json' },
    body: JSON.stringify({ schema }),
  });
  const { id } = (await response.json()) as { id: number }; // Confluent's API: POST /subjects/{subject}/versions
  return id;
}
