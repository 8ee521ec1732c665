import { PublishFailed } from '@vault-engine/bus';
import { RegistryUnavailable } from '@vault-engine/contracts';
import { type Port, PortUnavailable } from '@vault-engine/vault';
import { describe, expect, it, test } from 'vitest';
import { REPLY_MARGIN_MS } from './deadline.ts';
import { inProgress, NOW, sampleEngine, statusRecord, TIMEOUT_MS } from './testing/command-samples.ts';
import { failureOf, isTransient, mayRetry, RETRY } from './transient-failure.ts';

test.each([
  [new PortUnavailable('storage', 'no answer'), true],
  [new RegistryUnavailable('no answer'), true],
  [new PublishFailed('timeout', 'a topic'), true],
  [new PublishFailed('too_large', 'a topic'), false],
  [new TypeError('a bug'), false],
  ['a text', false],
])('%s: transient %s', (error, transient) => {
  expect(isTransient(error)).toBe(transient);
});

test.each<[Port, string]>([
  ['storage', 'storage_unavailable'],
  ['keys', 'storage_unavailable'],
  ['audit', 'audit_unavailable'],
  ['provider', 'provider_unavailable'],
])('the failure of the port %s is %s', (port, code) => {
  expect(failureOf(new PortUnavailable(port, 'no answer')).code).toBe(code);
});

test('the failure of the key service names the cause that its adapter knows', () => {
  const known = new PortUnavailable('keys', 'KMS Decrypt: DisabledException', { reason: 'key_disabled' });
  expect(failureOf(known)).toMatchObject({ code: 'storage_unavailable', reason: 'key_disabled' });
  expect(failureOf(new PortUnavailable('keys', 'no answer'))).toMatchObject({ reason: 'key_service' });
});

test('the failure of the registry names it, and an unexpected error is internal without its message', () => {
  expect(failureOf(new RegistryUnavailable('no answer'))).toMatchObject({
    code: 'storage_unavailable',
    reason: 'registry',
  });
  expect(failureOf(new Error('canary'))).toEqual({ code: 'internal', message: 'the command failed unexpectedly' });
});

describe('another attempt', () => {
  const sync = sampleEngine('sync');
  const from = inProgress(sync, statusRecord(sync.keys.kafka));
  const lastWord = NOW + TIMEOUT_MS - REPLY_MARGIN_MS;
  const pauseMs = RETRY.kind === 'retry' ? RETRY.afterMs : 0;

  it('is made while its pause leaves time for an error reply', () => {
    const attemptAt = (now: number) => mayRetry({ ...from, begunAt: now }, now);
    expect(attemptAt(lastWord - pauseMs - 1)).toBe(true);
    expect(attemptAt(lastWord - pauseMs)).toBe(false);
  });

  it('is expected to take as long as the failed one', () => {
    const now = lastWord - 1_000;
    expect(mayRetry({ ...from, begunAt: now - 700 }, now)).toBe(true);
    expect(mayRetry({ ...from, begunAt: now - 800 }, now)).toBe(false);
  });
});
