import { expect, test } from 'vitest';
import { type Admission, admitHeaders, admitPlatform, admitTime } from './admit.ts';
import { inProgress, NOW, sampleEngine, statusRecord, TIMEOUT_MS } from './testing/command-samples.ts';

const RETENTION_MS = 3_600_000;
const sync = sampleEngine('sync', [
  { operations: ['GetToken', 'GetStatus', 'StoreToken'], platforms: ['gmail'] },
  { operations: ['ForgetUser'], platforms: ['slack'] },
]);
const admission = (changes: Partial<Admission> = {}): Admission => ({
  now: () => NOW,
  retentionMs: RETENTION_MS,
  takeToken: () => 0,
  ...changes,
});
type Sample = Parameters<typeof statusRecord>[1];
const from = (sample: Sample = {}, changes: Parameters<typeof inProgress>[2] = {}) =>
  inProgress(sync, statusRecord(sync.keys.kafka, sample), changes);
const ofType = (commandType: string, sentMs = NOW) => from({ head: { commandType, sentMs } });

test('a fresh, timely, granted command within the rate is admitted', () => {
  expect(admitHeaders(admission(), from())).toBeNull();
  expect(admitTime(admission(), from())).toBeNull();
});

test.each<[string, Sample, number]>([
  ['sent_too_early', { head: { sentMs: NOW - 60_001 } }, NOW],
  ['sent_too_late', { head: { sentMs: NOW + 60_001 } }, NOW],
  ['past_retention', {}, NOW + RETENTION_MS + 1],
])('%s: the reason of a command that is not fresh', (reason, sample, at) => {
  const refusal = { code: 'invalid_request', reason };
  expect(admitTime(admission({ now: () => at }), from(sample))).toMatchObject(refusal);
  expect(admitHeaders(admission({ now: () => at }), from(sample))).toMatchObject(refusal);
});

test('a command is refused from its deadline on, and when it was late as it was read', () => {
  const at = (now: number) => admitTime(admission({ now: () => now }), from());
  expect(at(NOW + TIMEOUT_MS - 1)).toBeNull();
  expect(at(NOW + TIMEOUT_MS)).toMatchObject({ code: 'deadline_exceeded' });
  expect(admitTime(admission(), from({}, { late: true }))).toMatchObject({ code: 'deadline_exceeded' });
});

test('the headers of a mutating command do not decide about its time: it may be a repetition', () => {
  expect(admitHeaders(admission(), ofType('StoreToken', NOW - 60_001))).toBeNull();
  expect(admitHeaders(admission(), ofType('GetToken', NOW - 60_001))).toMatchObject({ reason: 'sent_too_early' });
});

test.each([
  ['a granted operation', 'GetToken', null],
  ['an operation that is granted on no platform', 'RevokeToken', 'forbidden'],
  ['a type that is not a command', 'TokenStored', 'invalid_request'],
])('by the headers: %s', (_, commandType, code) => {
  expect(admitHeaders(admission(), ofType(commandType))?.code ?? null).toBe(code);
});

test.each([
  ['a granted platform', 'GetToken', 'gmail', null],
  ['another platform', 'GetToken', 'slack', 'forbidden'],
  ['the status, granted for any platform', 'GetStatus', null, null],
  ['the whole user, granted for one platform only', 'ForgetUser', null, 'forbidden'],
] as const)('by the platform: %s', (_, type, platform, code) => {
  const id = platform as Parameters<typeof admitPlatform>[2]; // ids of platforms
  expect(admitPlatform(from(), type, id)?.code ?? null).toBe(code);
});

test('a grant of all operations covers the status too', () => {
  const all = sampleEngine('all', [{ operations: ['*'], platforms: ['gmail'] }]);
  expect(admitHeaders(admission(), inProgress(all, statusRecord(all.keys.kafka)))).toBeNull();
});

test('a command beyond the rate is refused with the time to wait', () => {
  const takeToken = () => 250;
  expect(admitHeaders(admission({ takeToken }), from())).toMatchObject({ code: 'rate_limited', retryAfterMs: 250 });
});

test('a token is taken once per command: not for a refused one, and not for another attempt', () => {
  const asked: string[] = [];
  const takeToken = (engine: string) => {
    asked.push(engine);
    return 0;
  };
  admitHeaders(admission({ takeToken }), ofType('RevokeToken'));
  admitHeaders(admission({ takeToken }), from({}, { late: true }));
  admitHeaders(admission({ takeToken }), from({}, { attempt: 2 }));
  expect(asked).toEqual([]);
  admitHeaders(admission({ takeToken }), from());
  expect(asked).toEqual(['sync']);
});
