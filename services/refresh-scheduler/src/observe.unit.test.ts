import { type Log, type LogFields, silentLog } from '@vault-engine/runtime';
import { PortUnavailable } from '@vault-engine/vault';
import { Registry } from 'prom-client';
import { expect, test } from 'vitest';
import { observe } from './observe.ts';
import { asUser, GMAIL, SLACK } from './testing/due-samples.ts';

const open = () => {
  const lines: [level: string, platform: unknown, result?: unknown][] = [];
  const at = (level: string) => (_message: string, fields?: LogFields) => {
    const { platform, result } = fields ?? {};
    lines.push(result === undefined ? [level, platform] : [level, platform, result]);
  };
  const log: Log = { ...silentLog, debug: at('debug'), info: at('info'), warn: at('warn'), error: at('error') };
  const metrics = new Registry();
  return { observed: observe({ log, metrics }, []), lines, metrics };
};

const user = asUser('u1@example.test');

test('a result that changed a connection is logged at info, any other at debug', () => {
  const { observed, lines } = open();
  observed.processed({ user, platform: GMAIL }, 'renewed', 12);
  observed.processed({ user, platform: GMAIL }, 'nothing', 1);
  observed.processed({ user, platform: null }, 'abandoned', 3);
  expect(lines).toEqual([
    ['info', 'gmail', 'renewed'],
    ['debug', 'gmail', 'nothing'],
    ['info', null, 'abandoned'],
  ]);
});

test('a full queue is logged once, and once when it has room again', () => {
  const { observed, lines } = open();
  for (const putOff of [0, 3, 5, 0, 0]) observed.dispatched(GMAIL, { queued: 1, putOff });
  expect(lines).toEqual([
    ['warn', 'gmail'],
    ['info', 'gmail'],
  ]);
});

test('an outage is a warning once per queue until a job succeeds; any other error is logged each time', () => {
  const { observed, lines } = open();
  const outage = new PortUnavailable('audit', 'no answer');
  observed.failed(outage, GMAIL);
  observed.failed(outage, GMAIL);
  observed.failed(outage, SLACK);
  observed.processed({ user, platform: GMAIL }, 'nothing', 1);
  observed.failed(outage, GMAIL);
  observed.failed(new Error('a fault'), GMAIL);
  observed.failed(new Error('a fault'), GMAIL);
  expect(lines.map(([level, platform]) => `${level} ${platform}`)).toEqual([
    'warn gmail',
    'debug gmail',
    'warn slack',
    'debug gmail',
    'warn gmail',
    'error gmail',
    'error gmail',
  ]);
});

test('metrics count by queue and contain no user id', async () => {
  const { observed, metrics } = open();
  observed.dispatched(GMAIL, { queued: 4, putOff: 2 });
  observed.processed({ user, platform: GMAIL }, 'renewed', 12);
  observed.processed({ user, platform: null }, 'abandoned', 12);
  observed.swept(20, new Map([['platform.gmail', 4]]));
  const text = await metrics.metrics();
  for (const line of [
    'vault_refresh_due_total{queue="platform.gmail",result="queued"} 4',
    'vault_refresh_due_total{queue="platform.gmail",result="put_off"} 2',
    'vault_refresh_attended_total{queue="platform.gmail",result="renewed"} 1',
    'vault_refresh_attended_total{queue="flows",result="abandoned"} 1',
    'vault_refresh_waiting{queue="platform.gmail"} 4',
    'vault_refresh_sweep_seconds_count 1',
  ])
    expect(text).toContain(line);
  expect(text).not.toContain('u1');
});
