import { PortUnavailable, refuse } from '@vault-engine/vault';
import { expect, test } from 'vitest';
import { decide, refusedBefore } from './decide.ts';
import {
  commandRecord,
  inProgress,
  NOW,
  REPLY_TOPIC,
  sampleEngine,
  statusRecord,
  TIMEOUT_MS,
  USER,
} from './testing/command-samples.ts';
import { openPipeline, type PipelineChanges } from './testing/open-pipeline.ts';

const sync = sampleEngine('sync');
const from = inProgress(sync, statusRecord(sync.keys.kafka));
const address = { topic: REPLY_TOPIC, partition: 0 };
const call = (action: string) =>
  ({
    requestId: 'a request',
    engine: 'sync',
    keyId: 'a key',
    action,
    idempotencyKey: 'k',
    dedupeKey: sync.engine.open.dedupe,
  }) as Parameters<typeof decide>[2]; // the engine's name is of the allowed characters
const decideStatus = (changes: PipelineChanges) =>
  decide(openPipeline([sync], changes).parts, from, call('GetStatus'), address);
const LATE = NOW + TIMEOUT_MS - 100;
const broken = (error: Error) => ({ store: { readUser: () => Promise.reject(error) } });

test('an executed command is answered with the record of its reply', async () => {
  expect(await decideStatus({})).toMatchObject({
    subject: { user: USER, platform: null },
    answer: { ok: true, value: { type: 'StatusSnapshot', value: { user_id: USER, revision: 0 } } },
    poison: null,
    error: undefined,
  });
});

test('a transient failure is thrown while there is time for another attempt', async () => {
  const error = new PortUnavailable('storage', 'no answer');
  await expect(decideStatus(broken(error))).rejects.toBe(error);
});

test('a transient failure near the deadline is the answer, and names the part', async () => {
  const error = new PortUnavailable('storage', 'no answer');
  const answer = await decideStatus({ ...broken(error), now: () => LATE });
  expect(answer).toMatchObject({
    answer: { ok: false, failure: { code: 'storage_unavailable' } },
    error: undefined,
  });
});

test('an unexpected error is answered as internal, and kept for the log', async () => {
  const error = new TypeError('a bug');
  expect(await decideStatus(broken(error))).toMatchObject({
    answer: { ok: false, failure: { code: 'internal' } },
    error,
  });
});

test('a value that cannot be decoded is refused in the name of the message key, and is poison', async () => {
  const { parts } = openPipeline([sync], {
    parts: { codec: { encode: () => Buffer.alloc(0), decode: () => ({ ok: false, reason: 'undecodable' }) } },
  });
  expect(await decide(parts, from, call('GetStatus'), address)).toMatchObject({
    subject: { user: USER, platform: null },
    answer: { ok: false, failure: { code: 'invalid_request' } },
    poison: 'undecodable',
  });
});

test('the subject of a command on one platform names the platform', async () => {
  const value = { user_id: USER, platform: 'gmail', min_validity_seconds: null, rejected_version: null };
  const asking = inProgress(sync, commandRecord(sync.keys.kafka, 'GetToken', value));
  const verdict = await decide(openPipeline([sync]).parts, asking, call('GetToken'), address);
  expect(verdict.subject).toEqual({ user: USER, platform: 'gmail' });
});

test('a command that is refused before it is read has the user of its message key', () => {
  const { failure } = refuse('invalid_request', 'no such partition');
  expect(refusedBefore(from, failure)).toMatchObject({
    subject: { user: USER, platform: null },
    answer: { ok: false, failure },
    poison: null,
  });
  expect(refusedBefore(from, null).answer).toMatchObject({ ok: false, failure: { code: 'internal' } });
});
