import { reveal, secretOf } from '@vault-engine/crypto/plaintext';
import { openFromVault, parseReplyHeaders, verifyReply } from '@vault-engine/protocol';
import type { PlatformId, UserId } from '@vault-engine/vault';
import { describe, expect, it, test } from 'vitest';
import { failureRecord, recordOf, replyMessage } from './reply.ts';
import {
  inProgress,
  plainCodec,
  proven,
  REPLY_TOPIC,
  sampleEngine,
  statusRecord,
  USER,
} from './testing/command-samples.ts';
import { replyIn } from './testing/open-pipeline.ts';

const sync = sampleEngine('sync');
const keys = sync.keys.kafka;
const from = inProgress(sync, statusRecord(keys));
const address = { topic: REPLY_TOPIC, partition: 2 };
const user = USER as UserId; // of the allowed characters
const platform = 'gmail' as PlatformId; // likewise

describe('an issued token', () => {
  const access = secretOf(Buffer.from('an access token'));
  const record = recordOf(
    from,
    { type: 'GetToken', user, platform, minValiditySeconds: null, rejectedVersion: null },
    {
      type: 'TokenIssued',
      value: {
        platform,
        access,
        metadata: { tokenType: 'Bearer', scopes: ['a'], expiresAt: null, refreshExpiresAt: null, params: {} },
        tokenVersion: 7,
        warning: null,
      },
    },
    address,
  );

  it('is sealed for the engine that asked, for this reply only', () => {
    if (record.type !== 'TokenIssued') throw new Error(record.type);
    const { commandId, mac: requestMac } = from.headers;
    const at = { replyTopic: REPLY_TOPIC, commandId, replyType: 'TokenIssued', requestMac, field: 'access_token' };
    const opened = proven(openFromVault(keys, at, record.value.access_token));
    expect(reveal(opened).toString()).toBe('an access token');
    const elsewhere = openFromVault(keys, { ...at, requestMac: Buffer.alloc(32) }, record.value.access_token);
    expect(elsewhere.ok).toBe(false);
  });

  it('is wiped once it is sealed', () => {
    expect(() => reveal(access)).toThrow();
  });
});

test('a failure is answered with the suggested action of the error table', () => {
  expect(failureRecord({ code: 'rate_limited', message: 'too fast', retryAfterMs: 5 })).toEqual({
    type: 'CommandFailed',
    value: { error_code: 'rate_limited', message: 'too fast', suggested_action: 'retry', retry_after_ms: 5 },
  });
  expect(failureRecord({ code: 'not_connected', message: 'none' }).value).toMatchObject({
    suggested_action: 'connect',
    retry_after_ms: null,
  });
});

test("a reply is signed under the command's key, and has its correlation id, key and address", () => {
  const message = replyMessage(plainCodec, from, address, failureRecord({ code: 'internal', message: 'a message' }));
  expect(message).toMatchObject({ ...address, key: Buffer.from(USER) });
  expect(replyIn(message)).toMatchObject({ ok: true, name: 'CommandFailed' });
  const headers = parseReplyHeaders(message.headers ?? {});
  if (!headers.ok || headers.value.signature === null) throw new Error('the reply has no signature');
  const { commandId, mac: requestMac } = from.headers;
  const head = { replyTopic: REPLY_TOPIC, commandId, replyType: 'CommandFailed', requestMac };
  expect(verifyReply(keys, head, message.value ?? Buffer.alloc(0), headers.value.signature.mac)).toBe(true);
});

test("a reply has the command's trace context as it came, and none without one", () => {
  const traceparent = '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01';
  const traced = inProgress(sync, statusRecord(keys, { headers: { traceparent: Buffer.from(traceparent) } }));
  const failure = failureRecord({ code: 'internal', message: 'a message' });
  const headersOf = (of: typeof from) => replyMessage(plainCodec, of, address, failure).headers;
  expect(headersOf(traced)?.['traceparent']?.toString()).toBe(traceparent);
  expect(headersOf(from)).not.toHaveProperty('traceparent');
});
