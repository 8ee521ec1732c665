import { expect, test } from 'vitest';
import { type Admission, admit } from './admit.ts';
import type { Command } from './read-command.ts';
import { inProgress, NOW, sampleEngine, statusRecord, TIMEOUT_MS } from './testing/command-samples.ts';

const RETENTION_MS = 3_600_000;
const sync = sampleEngine('sync', [
  { operations: ['GetToken', 'GetStatus'], platforms: ['gmail'] },
  { operations: ['ForgetUser'], platforms: ['slack'] },
]);
const admission = (changes: Partial<Admission> = {}): Admission => ({
  now: () => NOW,
  retentionMs: RETENTION_MS,
  takeToken: () => 0,
  ...changes,
});
const getToken = { type: 'GetToken', platform: 'gmail' } as Pick<Command, 'type' | 'platform'>; // an id of a platform
const from = (sample: Parameters<typeof statusRecord>[1] = {}, late = false) =>
  inProgress(sync, statusRecord(sync.keys.kafka, sample), { late });

test('a fresh, timely, granted command within the rate is admitted', () => {
  expect(admit(admission(), from(), getToken)).toBeNull();
});

test.each([
  ['sent_too_early', { head: { sentMs: NOW - 60_001 } }, NOW],
  ['sent_too_late', { head: { sentMs: NOW + 60_001 } }, NOW],
  ['past_retention', {}, NOW + RETENTION_MS + 1],
])('%s: the reason of a command that is not fresh', (reason, sample, at) => {
  expect(admit(admission({ now: () => at }), from(sample), getToken)).toMatchObject({
    code: 'invalid_request',
    reason,
  });
});

test('a command is refused from its deadline on, and when it was late as it was read', () => {
  const at = (now: number) => admit(admission({ now: () => now }), from(), getToken);
  expect(at(NOW + TIMEOUT_MS - 1)).toBeNull();
  expect(at(NOW + TIMEOUT_MS)).toMatchObject({ code: 'deadline_exceeded' });
  expect(admit(admission(), from({}, true), getToken)).toMatchObject({ code: 'deadline_exceeded' });
});

test.each([
  ['a granted platform', { type: 'GetToken', platform: 'gmail' }, null],
  ['another platform', { type: 'GetToken', platform: 'slack' }, 'forbidden'],
  ['another operation', { type: 'RevokeToken', platform: 'gmail' }, 'forbidden'],
  ['the status, granted for any platform', { type: 'GetStatus', platform: null }, null],
  ['the whole user, granted for one platform only', { type: 'ForgetUser', platform: null }, 'forbidden'],
])('grants: %s', (_, command, code) => {
  const refused = admit(admission(), from(), command as typeof getToken); // ids of platforms
  expect(refused?.code ?? null).toBe(code);
});

test('a command beyond the rate is refused with the time to wait; a command without a grant takes no token', () => {
  const asked: string[] = [];
  const takeToken = (engine: string) => {
    asked.push(engine);
    return 250;
  };
  expect(admit(admission({ takeToken }), from(), getToken)).toMatchObject({ code: 'rate_limited', retryAfterMs: 250 });
  expect(asked).toEqual(['sync']);
  admit(admission({ takeToken }), from(), { ...getToken, type: 'RevokeToken' });
  expect(asked).toEqual(['sync']);
});
