import { describe, expect, test } from 'vitest';
import { COMMAND_RETENTION_MS, topicNames, topicSpecs } from './topics.ts';

const specsOf = (options: Partial<Parameters<typeof topicSpecs>[0]> = {}) =>
  new Map(
    topicSpecs({ engines: ['sync', 'action'], environment: 'production', ...options }).map((spec) => [spec.name, spec]),
  );

const MINUTE = 60_000;
const DAY = 24 * 60 * MINUTE;

test('the topics are the declared ones, with a reply topic for each engine and one for the gateway', () => {
  expect([...specsOf().keys()].sort()).toEqual([
    'vault.audit-checkpoints',
    'vault.audit-log',
    'vault.commands',
    'vault.commands.dlt',
    'vault.connection-events',
    'vault.connection-state',
    'vault.engines',
    'vault.platforms',
    'vault.replies.action',
    'vault.replies.gateway',
    'vault.replies.sync',
  ]);
});

test('a duplicate engine, or the gateway, gets one topic', () => {
  expect(specsOf({ engines: ['sync', 'sync', 'gateway'] }).size).toBe(10);
});

test.each([
  ['vault.commands', 60 * MINUTE, 5 * MINUTE],
  ['vault.commands.dlt', 14 * DAY, DAY],
  ['vault.replies.sync', 10 * MINUTE, MINUTE],
  ['vault.connection-events', 7 * DAY, DAY],
  ['vault.audit-log', 400 * DAY, DAY],
  ['vault.audit-checkpoints', -1, 7 * DAY],
])('%s is kept for %d ms in segments of %d ms, by the time of the broker', (name, retention, segment) => {
  expect(specsOf().get(name)?.config).toMatchObject({
    'cleanup.policy': 'delete',
    'retention.ms': String(retention),
    'segment.ms': String(segment),
    'message.timestamp.type': 'LogAppendTime',
  });
});

test.each(['vault.connection-state', 'vault.engines', 'vault.platforms'])(
  '%s is compacted, within a bounded time',
  (name) => {
    const config = specsOf().get(name)?.config;
    expect(config).toMatchObject({ 'cleanup.policy': 'compact', 'segment.ms': String(60 * MINUTE) });
    expect(Number(config?.['max.compaction.lag.ms'])).toBeGreaterThan(0);
  },
);

test('the dead-letter topic accepts a command of the largest size with its headers', () => {
  const bytes = (name: string) => Number(specsOf().get(name)?.config['max.message.bytes']);
  expect(bytes('vault.commands')).toBe(262_144);
  expect(bytes('vault.commands.dlt')).toBe(1_048_576);
});

test('the dead-letter topic keeps at most 1 GiB a partition', () => {
  expect(specsOf().get('vault.commands.dlt')?.config['retention.bytes']).toBe(String(2 ** 30));
});

test('the broker stores only codecs that kafkajs can decode', () => {
  const kept = new Set([...specsOf().values()].map(({ config }) => config['compression.type']));
  expect([...kept].sort()).toEqual(['gzip', 'uncompressed']);
});

test('the declared retention of commands is the one that replay protection assumes', () => {
  expect(specsOf().get('vault.commands')?.config['retention.ms']).toBe(String(COMMAND_RETENTION_MS));
});

describe('by environment', () => {
  test('production requires two replicas for durable topics', () => {
    const replicas = (name: string) => specsOf().get(name)?.config['min.insync.replicas'];
    expect(replicas('vault.audit-log')).toBe('2');
    expect(replicas('vault.commands')).toBe('2');
    expect(replicas('vault.replies.sync')).toBe('1');
  });

  test('development runs on one broker', () => {
    for (const { config, partitions } of specsOf({ environment: 'development' }).values()) {
      expect(config['min.insync.replicas']).toBeUndefined();
      expect(partitions).toBeLessThanOrEqual(8);
    }
  });
});

test('every name begins with the prefix', () => {
  expect([...specsOf({ prefix: 'w1.' }).keys()].every((name) => name.startsWith('w1.vault.'))).toBe(true);
  expect(topicNames('w1.').replies('sync')).toBe('w1.vault.replies.sync');
});

test('an installation can override partitions and single settings', () => {
  const overrides = { commands: { partitions: 2, config: { 'segment.ms': '1000' } }, replies: { partitions: 1 } };
  const specs = specsOf({ overrides });
  expect(specs.get('vault.commands')).toMatchObject({
    partitions: 2,
    config: { 'segment.ms': '1000', 'retention.ms': '3600000' },
  });
  expect(specs.get('vault.replies.gateway')?.partitions).toBe(1);
  expect(specs.get('vault.replies.sync')?.partitions).toBe(1);
});
