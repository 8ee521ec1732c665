import { createHealth, type LogFields, silentLog } from '@vault-engine/runtime';
import { expect, test } from 'vitest';
import { type Difference, isDangerous, reportDifferences } from './watch-topics.ts';

const difference = (name: string, from: string | null, to: string): Difference => ({
  topic: 'vault.commands',
  kind: 'config',
  name,
  from,
  to,
});

test.each([
  ['message.timestamp.type', 'CreateTime', 'LogAppendTime', true],
  ['cleanup.policy', 'compact', 'delete', true],
  ['compression.type', 'producer', 'uncompressed', true],
  ['min.insync.replicas', '1', '2', true],
  ['min.insync.replicas', '3', '2', false],
  ['retention.ms', '1000', '3600000', false],
  ['max.message.bytes', '1048588', '262144', false],
])('%s=%s instead of %s: dangerous %s', (name, from, to, dangerous) => {
  expect(isDangerous(difference(name, from, to))).toBe(dangerous);
});

const open = () => {
  const lines: [level: string, message: string, reason: unknown][] = [];
  const at = (level: string) => (message: string, fields?: LogFields) =>
    void lines.push([level, message, fields?.reason]);
  const health = createHealth();
  health.started();
  const report = reportDifferences({ log: { ...silentLog, warn: at('warn'), error: at('error') }, health });
  return { lines, report, part: () => health.report().parts['topic-settings'] };
};

test('a dangerous difference makes the service unready and names topic, setting and command, until it is gone', () => {
  const { lines, report, part } = open();
  const dangerous = difference('message.timestamp.type', 'CreateTime', 'LogAppendTime');
  report([dangerous]);
  report([dangerous]);
  expect(part()).toEqual({
    state: 'waiting',
    reason:
      'vault.commands has message.timestamp.type=CreateTime instead of LogAppendTime; run npm run vault -- topics apply',
  });
  expect(lines).toHaveLength(1);
  expect(lines[0]?.slice(0, 2)).toEqual(['error', 'dangerous topic setting']);
  report([]);
  expect(part()).toEqual({ state: 'ready' });
  report([dangerous]);
  expect(lines).toHaveLength(2);
});

test('any other difference is logged once, and the service stays ready', () => {
  const { lines, report, part } = open();
  report([difference('retention.ms', '1000', '3600000')]);
  report([difference('retention.ms', '1000', '3600000')]);
  expect(part()).toEqual({ state: 'ready' });
  expect(lines).toEqual([
    ['warn', 'topic setting differs from its declaration', 'vault.commands has retention.ms=1000 instead of 3600000'],
  ]);
});
