import { type LogFields, silentLog } from '@vault-engine/runtime';
import { Registry } from 'prom-client';
import { expect, test } from 'vitest';
import { observe, observeUnauthenticated } from './observe.ts';
import type { Served } from './serve-command.ts';
import { NOW, sampleEngine, statusRecord, USER } from './testing/command-samples.ts';

const open = () => {
  const lines: [level: string, message: string, fields: LogFields | undefined][] = [];
  const at = (level: string) => (message: string, fields?: LogFields) => void lines.push([level, message, fields]);
  const log = { ...silentLog, debug: at('debug'), info: at('info'), warn: at('warn'), error: at('error') };
  return { lines, log, metrics: new Registry() };
};

const served = (changes: Partial<Served> = {}): Served => ({
  requestId: 'a request',
  traceId: null,
  engine: 'sync',
  action: 'GetToken',
  subject: { user: USER as NonNullable<Served['subject']['user']>, platform: null }, // of the allowed characters
  result: 'ok',
  reason: null,
  reply: 'sent',
  durationMs: 1,
  error: undefined,
  ...changes,
});

test.each<[string, Partial<Served>, string, string]>([
  ['an executed command', {}, 'debug', 'command answered'],
  ['a refusal', { result: 'forbidden' }, 'info', 'command refused'],
  ['a failure of a part', { result: 'storage_unavailable' }, 'warn', 'command failed'],
  ['an unexpected error', { result: 'internal', error: new Error('a bug') }, 'error', 'command failed unexpectedly'],
  ['a lost reply', { reply: 'expired' }, 'warn', 'reply undeliverable'],
])('%s is logged once, at its level, without the user', (_, changes, level, message) => {
  const { lines, log, metrics } = open();
  observe(
    { log, metrics },
    () => ['sync'],
    () => NOW,
  )(served(changes));
  expect(lines.map(([at, text]) => [at, text])).toEqual([[level, message]]);
  expect(lines[0]?.[2]).toMatchObject({ requestId: 'a request', engine: 'sync', action: 'GetToken' });
  expect(JSON.stringify(lines)).not.toContain(`"${USER}"`);
});

test('a flood of refusals is counted in full and logged in part', async () => {
  const { lines, log, metrics } = open();
  const onServed = observe(
    { log, metrics },
    () => ['sync'],
    () => NOW,
  );
  for (let command = 0; command < 1_000; command += 1) onServed(served({ result: 'rate_limited' }));
  expect(lines).toHaveLength(20);
  expect(await metrics.metrics()).toContain(
    'vault_commands_total{engine="sync",action="GetToken",result="rate_limited"} 1000',
  );
});

test('series of every engine of the table exist before the first command, and of engines that are added later', async () => {
  const { log, metrics } = open();
  const engines = ['sync'];
  observe(
    { log, metrics },
    () => engines,
    () => NOW,
  );
  observeUnauthenticated(
    { log, metrics },
    () => engines,
    () => null,
    { send: () => expect.fail('nothing is sent') },
  );
  const first = await metrics.metrics();
  expect(first.match(/^vault_commands_total\{engine="sync".* 0$/gm)).toHaveLength(112);
  expect(first.match(/^vault_unauthenticated_total\{.* 0$/gm)).toHaveLength(10);
  engines.push('action');
  expect((await metrics.metrics()).match(/^vault_commands_total\{engine="action".* 0$/gm)).toHaveLength(112);
});

test('a sampled record is published, and all others are only counted', async () => {
  const { lines, log, metrics } = open();
  const record = statusRecord(sampleEngine('sync').keys.kafka);
  const sent: unknown[] = [];
  const samples = [{ topic: 'vault.commands.dlt', key: null, value: null }, null];
  const deadLetters = {
    send: async (message: unknown) => {
      sent.push(message);
      return { partition: 0, offset: 0n };
    },
  };
  const refused = observeUnauthenticated(
    { log, metrics },
    () => ['sync'],
    () => samples.shift() ?? null,
    deadLetters,
  );
  for (let one = 0; one < 3; one += 1) refused({ record, engine: 'sync', counted: 'wrong_mac', reason: 'wrong_mac' });
  expect(sent).toHaveLength(1);
  expect(lines.map(([, message]) => message)).toEqual(['unauthenticated record sampled']);
  expect(await metrics.metrics()).toContain('vault_unauthenticated_total{engine="sync",reason="wrong_mac"} 3');
});
