import { type LogFields, silentLog } from '@vault-engine/runtime';
import { Registry } from 'prom-client';
import { expect, test } from 'vitest';
import type { Answered } from './build-gateway.ts';
import { observe } from './observe.ts';

const open = () => {
  const lines: [level: string, message: string, fields: LogFields | undefined][] = [];
  const at = (level: string) => (message: string, fields?: LogFields) => void lines.push([level, message, fields]);
  const log = { ...silentLog, debug: at('debug'), info: at('info'), warn: at('warn'), error: at('error') };
  const metrics = new Registry();
  return { lines, metrics, onAnswered: observe({ log, metrics }, () => 0) };
};

const answered = (changes: Partial<Answered> = {}): Answered => ({
  requestId: 'a request',
  engine: 'sync',
  route: '/get_token',
  status: 200,
  result: 'ok',
  refusedByVault: false,
  durationMs: 1,
  error: undefined,
  ...changes,
});

test.each<[string, Partial<Answered>, string, string]>([
  ['an answer', {}, 'debug', 'request answered'],
  ['a refusal of the gateway', { status: 400, result: 'invalid_request' }, 'info', 'request refused'],
  [
    'a caller without a credential',
    { status: 401, result: 'unauthorized_engine', engine: null },
    'info',
    'request refused',
  ],
  ['no answer of the vault in time', { status: 504, result: 'deadline_exceeded' }, 'warn', 'request failed'],
  [
    'a refusal that the worker has logged',
    { status: 404, result: 'not_connected', refusedByVault: true },
    'debug',
    'request refused by the vault',
  ],
  [
    'an unexpected error',
    { status: 500, result: 'internal', error: new Error('a bug') },
    'error',
    'request failed unexpectedly',
  ],
])('%s is logged once, at its level', (_, changes, level, message) => {
  const { lines, onAnswered } = open();
  onAnswered(answered(changes));
  expect(lines.map(([at, text]) => [at, text])).toEqual([[level, message]]);
  expect(lines[0]?.[2]).toMatchObject({ requestId: 'a request', action: '/get_token' });
});

test('a flood of refusals is counted in full and logged in part', async () => {
  const { lines, metrics, onAnswered } = open();
  for (let request = 0; request < 1_000; request += 1) onAnswered(answered({ status: 400, result: 'invalid_request' }));
  expect(lines).toHaveLength(20);
  expect(await metrics.metrics()).toContain(
    'vault_http_requests_total{route="/get_token",status="400",result="invalid_request"} 1000',
  );
});

test('the series of every route, and of no route, exist before the first request', async () => {
  const page = await open().metrics.metrics();
  expect(page.match(/^vault_http_requests_total\{.* 0$/gm)).toHaveLength(146);
});
