import { type Outgoing, PublishFailed } from '@vault-engine/bus';
import { uuidText } from '@vault-engine/protocol';
import { PortUnavailable } from '@vault-engine/vault';
import { describe, expect, it } from 'vitest';
import { limitInFlight } from './in-flight.ts';
import { concludeFailed } from './serve-command.ts';
import {
  commandRecord,
  NOW,
  REPLY_TOPIC,
  sampleEngine,
  statusRecord,
  TIMEOUT_MS,
  USER,
} from './testing/command-samples.ts';
import { openPipeline, replyIn } from './testing/open-pipeline.ts';
import { RETRY } from './transient-failure.ts';

const sync = sampleEngine('sync');
const ACK = { kind: 'ack' };

describe('a valid command', () => {
  it('is answered after its audit record is acknowledged', async () => {
    const order: string[] = [];
    const audited = Promise.withResolvers<void>();
    const { parts, serve, sent, served } = openPipeline([sync], { journal: { record: () => audited.promise } });
    const record = statusRecord(sync.keys.kafka);
    const done = serve(record).then((result) => {
      order.push('served');
      return result;
    });
    for (let turn = 0; turn < 5; turn += 1) await new Promise((resolve) => setImmediate(resolve));
    expect({ sent: sent.length, order }).toEqual({ sent: 0, order: [] });
    audited.resolve();
    expect(await done).toEqual(ACK);
    expect(replyIn(sent[0])).toMatchObject({ name: 'StatusSnapshot', value: { user_id: USER } });
    expect(served).toMatchObject([{ engine: 'sync', action: 'GetStatus', result: 'ok', reply: 'sent', durationMs: 0 }]);
    expect(parts.vault.now()).toBe(NOW);
  });

  it('has one id in reply, audit record and log: the UUID of its correlation id', async () => {
    const { serve, audited, served } = openPipeline([sync]);
    const commandId = Buffer.from('6a0f8f2e000040008000000000000001', 'hex');
    await serve(statusRecord(sync.keys.kafka, { head: { commandId } }));
    expect(audited[0]?.requestId).toBe(uuidText(commandId));
    expect(served[0]?.requestId).toBe(uuidText(commandId));
  });

  it("is answered on the gateway's topic under an HTTP key", async () => {
    const { serve, sent } = openPipeline([sync]);
    await serve(statusRecord(sync.keys.http, { head: { replyTopic: 'vault.replies.gateway' } }));
    expect(sent).toMatchObject([{ topic: 'vault.replies.gateway' }]);
  });
});

describe('a record that is not an authenticated command', () => {
  it('is counted and neither answered nor kept when it has no form of a command', async () => {
    const { serve, sent, audited, attempts, unauthenticated } = openPipeline([sync]);
    const record = { ...statusRecord(sync.keys.kafka), key: null };
    expect(await serve(record)).toEqual(ACK);
    expect([sent, audited]).toEqual([[], []]);
    expect(attempts).toEqual([[null, 'malformed']]);
    expect(unauthenticated).toEqual([{ record, engine: null, counted: 'malformed', reason: 'key_missing' }]);
  });

  it('is counted under the claimed engine, which gets a notice', async () => {
    const { serve, attempts, notified, sent, audited } = openPipeline([sync]);
    expect(await serve({ ...statusRecord(sync.keys.kafka), key: Buffer.from('u2') })).toEqual(ACK);
    expect(attempts).toEqual([['sync', 'wrong_mac']]);
    expect(notified).toHaveLength(1);
    expect([sent, audited]).toEqual([[], []]);
  });

  it('is counted without a name when no engine has the claimed id, and gets no notice', async () => {
    const { serve, attempts, notified } = openPipeline([sync]);
    expect(await serve(statusRecord(sampleEngine('stranger').keys.kafka))).toEqual(ACK);
    expect(attempts).toEqual([[null, 'unknown_engine']]);
    expect(notified).toEqual([]);
  });
});

describe('a refused command', () => {
  it.each([
    ['at once', 3],
    ['after the partitions were counted again', Promise.resolve(3)],
  ])('is not executed on another partition than that of its key: %s', async (_when, expected) => {
    const { serve, sent, served, audited } = openPipeline([sync], { parts: { expectedPartition: () => expected } });
    const record = commandRecord(sync.keys.kafka, 'StartConnection', {
      user_id: USER,
      platform: 'gmail',
      flow_id: null,
    });
    expect(await serve(record)).toEqual(ACK);
    expect(replyIn(sent[0])).toMatchObject({
      name: 'CommandFailed',
      value: { error_code: 'invalid_request', message: expect.stringContaining('its key belongs to partition 3') },
    });
    expect(served).toMatchObject([{ result: 'invalid_request', reason: 'wrong_partition' }]);
    expect(audited).toMatchObject([{ result: 'invalid_request', reason: 'wrong_partition' }]);
  });

  it('is audited and answered', async () => {
    const quiet = sampleEngine('sync', []);
    const { serve, sent, audited, served } = openPipeline([quiet]);
    expect(await serve(statusRecord(quiet.keys.kafka))).toEqual(ACK);
    expect(replyIn(sent[0])).toMatchObject({ name: 'CommandFailed', value: { error_code: 'forbidden' } });
    expect(audited).toMatchObject([{ result: 'forbidden', userId: USER }]);
    expect(served).toMatchObject([{ result: 'forbidden', reply: 'sent' }]);
  });

  it('is answered on its own topic when it asks for a foreign one', async () => {
    const { serve, sent } = openPipeline([sync]);
    await serve(statusRecord(sync.keys.kafka, { head: { replyTopic: 'vault.replies.action' } }));
    expect(sent).toMatchObject([{ topic: REPLY_TOPIC }]);
    expect(replyIn(sent[0])).toMatchObject({ value: { error_code: 'invalid_request' } });
  });

  it('is audited, but not answered, when its reply partition does not exist', async () => {
    const { serve, sent, audited, served } = openPipeline([sync]);
    expect(await serve(statusRecord(sync.keys.kafka, { head: { replyPartition: 4 } }))).toEqual(ACK);
    expect(sent).toEqual([]);
    expect(audited).toMatchObject([{ result: 'invalid_request', reason: 'no_reply_partition' }]);
    expect(served).toMatchObject([{ reply: 'undeliverable' }]);
  });

  it('is late when its deadline had passed as it was read', async () => {
    const { serve, sent } = openPipeline([sync]);
    await serve(statusRecord(sync.keys.kafka), { ordered: false });
    expect(replyIn(sent[0])).toMatchObject({ value: { error_code: 'deadline_exceeded' } });
  });
});

describe('a command that its headers decide about', () => {
  const closed = (what: string) => () => expect.fail(`${what} of a refused command`);
  const value = { user_id: USER, platform: 'gmail', flow_id: null };

  it.each([
    ['forbidden', sampleEngine('sync', [{ operations: ['GetStatus'], platforms: ['*'] }]), {}],
    ['rate_limited', sampleEngine('sync', undefined, { perSecond: 1, burst: 0.5 }), {}],
    ['invalid_request', sync, { head: { commandType: 'TokenStored' } }],
  ] as const)('is refused as %s before it is decoded, and nothing is read or stored', async (code, engine, sample) => {
    const { parts } = openPipeline([engine]);
    const { serve, sent, audited } = openPipeline([engine], {
      parts: { codec: { ...parts.codec, decode: closed('a value was decoded') } },
      store: { readUser: closed('a user was read'), dedupe: closed('a dedupe record was written') },
    });
    expect(await serve(commandRecord(engine.keys.kafka, 'StartConnection', value, sample))).toEqual(ACK);
    expect(replyIn(sent[0])).toMatchObject({ value: { error_code: code } });
    expect(audited).toMatchObject([{ result: code, userId: USER, platform: null }]);
  });

  it('is refused before its tokens are unsealed when its platform is not granted, and the audit record names the platform', async () => {
    const gmail = sampleEngine('sync', [{ operations: ['StartConnection'], platforms: ['slack'] }]);
    const { serve, audited } = openPipeline([gmail], { store: { readUser: closed('a user was read') } });
    await serve(commandRecord(gmail.keys.kafka, 'StartConnection', value));
    expect(audited).toMatchObject([{ result: 'forbidden', platform: 'gmail' }]);
  });

  it('stays refused when it is delivered again behind a later command of its user', async () => {
    const hasty = sampleEngine('sync', undefined, { perSecond: 1, burst: 1 });
    let now = NOW;
    const { serve, sent } = openPipeline([hasty], { now: () => now });
    const fields = (flow_id: string) => ({ ...value, flow_id });
    const refused = commandRecord(hasty.keys.kafka, 'StartConnection', fields('refused'));
    await serve(commandRecord(hasty.keys.kafka, 'StartConnection', fields('first')));
    await serve(refused);
    now += 1_000;
    await serve(commandRecord(hasty.keys.kafka, 'StartConnection', fields('last')));
    now += 1_000;
    await serve(refused);
    expect(sent.map((message) => replyIn(message))).toMatchObject([
      { value: { flow_id: 'first' } },
      { value: { error_code: 'rate_limited' } },
      { value: { flow_id: 'last' } },
      { value: { error_code: 'rate_limited' } },
    ]);
  });
});

it("a command whose time is its sender's is not executed, but audited and answered", async () => {
  const { serve, sent, audited } = openPipeline([sync], {
    store: { readUser: () => expect.fail('a user was read') },
  });
  const value = { user_id: USER, platform: 'gmail', flow_id: null };
  const record = commandRecord(sync.keys.kafka, 'StartConnection', value);
  expect(await serve({ ...record, timestampType: 'CreateTime' })).toEqual(ACK);
  expect(replyIn(sent[0])).toMatchObject({ value: { error_code: 'internal', suggested_action: 'contact_operator' } });
  expect(audited).toMatchObject([{ result: 'internal', reason: 'create_time' }]);
  expect(await openPipeline([sync]).serve({ ...record, timestampType: 'LogAppendTime' })).toEqual(ACK);
});

describe('a part that does not answer', () => {
  const readUser = () => Promise.reject(new PortUnavailable('storage', 'no answer'));

  it('makes a command wait, without a reply or an audit record', async () => {
    const { serve, sent, audited } = openPipeline([sync], { store: { readUser } });
    expect(await serve(statusRecord(sync.keys.kafka))).toEqual(RETRY);
    expect([sent, audited]).toEqual([[], []]);
  });

  it('is named in the reply near the deadline', async () => {
    const { serve, sent, audited } = openPipeline([sync], { store: { readUser }, now: () => NOW + TIMEOUT_MS - 100 });
    expect(await serve(statusRecord(sync.keys.kafka))).toEqual(ACK);
    expect(replyIn(sent[0])).toMatchObject({ value: { error_code: 'storage_unavailable' } });
    expect(audited).toMatchObject([{ result: 'storage_unavailable' }]);
  });

  it('is an unexpected error otherwise, which is logged and answered as internal', async () => {
    const { serve, sent, served } = openPipeline([sync], {
      store: { readUser: () => Promise.reject(new TypeError('a bug')) },
    });
    expect(await serve(statusRecord(sync.keys.kafka))).toEqual(ACK);
    expect(replyIn(sent[0])).toMatchObject({ value: { error_code: 'internal' } });
    expect(served[0]?.error).toBeInstanceOf(TypeError);
  });
});

describe('a reply', () => {
  it('that no attempt can deliver ends the command, and its topic is looked up again', async () => {
    const replies = { send: () => Promise.reject(new PublishFailed('unknown_topic', REPLY_TOPIC)) };
    const { serve, served, forgotten } = openPipeline([sync], { parts: { replies } });
    expect(await serve(statusRecord(sync.keys.kafka))).toEqual(ACK);
    expect(served).toMatchObject([{ result: 'ok', reply: 'undeliverable' }]);
    expect(forgotten).toEqual([REPLY_TOPIC]);
  });

  it('that is not acknowledged is sent again, byte for byte, without another execution or audit record', async () => {
    const tries: Outgoing[] = [];
    const replies = {
      send: async (message: Outgoing) => {
        tries.push(message);
        if (tries.length < 3) throw new PublishFailed('timeout', REPLY_TOPIC);
        return { partition: 0, offset: 0n };
      },
    };
    const { serve, served, audited } = openPipeline([sync], { parts: { replies } });
    expect(await serve(statusRecord(sync.keys.kafka))).toEqual(ACK);
    expect(tries).toHaveLength(3);
    expect(new Set(tries).size).toBe(1);
    expect(audited).toHaveLength(1);
    expect(served).toMatchObject([{ result: 'ok', reply: 'sent' }]);
  });

  it('that is not acknowledged before the deadline is counted, and the command acknowledged', async () => {
    let now = NOW;
    const replies = {
      send: () => {
        now += TIMEOUT_MS;
        return Promise.reject(new PublishFailed('timeout', REPLY_TOPIC));
      },
    };
    const { serve, served, audited } = openPipeline([sync], { parts: { replies }, now: () => now });
    expect(await serve(statusRecord(sync.keys.kafka))).toEqual(ACK);
    expect(served).toMatchObject([{ result: 'ok', reply: 'expired' }]);
    expect(audited).toHaveLength(1);
  });

  it('that fails unexpectedly ends the command, and the error is logged', async () => {
    const replies = { send: () => Promise.reject(new TypeError('a bug')) };
    const { serve, served, audited } = openPipeline([sync], { parts: { replies } });
    expect(await serve(statusRecord(sync.keys.kafka))).toEqual(ACK);
    expect(served).toMatchObject([{ result: 'ok', reply: 'undeliverable', error: new TypeError('a bug') }]);
    expect(audited).toHaveLength(1);
  });

  it('that is not acknowledged promptly lets the next command of its user begin', async () => {
    const acknowledged = Promise.withResolvers<{ partition: number; offset: bigint }>();
    const released = Promise.withResolvers<void>();
    const { serve } = openPipeline([sync], { parts: { replies: { send: () => acknowledged.promise } } });
    const done = serve(statusRecord(sync.keys.kafka), { releaseKeyOrder: () => released.resolve() });
    await released.promise;
    acknowledged.resolve({ partition: 0, offset: 0n });
    expect(await done).toEqual(ACK);
  });

  it('that is interrupted by the stop of the worker leaves the command to be delivered again', async () => {
    const stop = new AbortController();
    const replies = {
      send: () => {
        stop.abort();
        return Promise.reject(new PublishFailed('timeout', REPLY_TOPIC));
      },
    };
    const { serve, served } = openPipeline([sync], { parts: { replies } });
    expect(await serve(statusRecord(sync.keys.kafka), { signal: stop.signal })).toEqual(RETRY);
    expect(served).toEqual([]);
  });
});

describe('an engine at its limit of commands in flight', () => {
  it('is refused further ones, audited and answered without a wait, while other engines are served', async () => {
    const other = sampleEngine('action');
    const hanging = Promise.withResolvers<{ partition: number; offset: bigint }>();
    const sent: Outgoing[] = [];
    const replies = {
      send: (message: Outgoing) => {
        sent.push(message);
        return message.topic === REPLY_TOPIC ? hanging.promise : Promise.resolve({ partition: 0, offset: 0n });
      },
    };
    const inFlight = limitInFlight({ commands: 2, bytes: 1_000_000 });
    const { serve, served, audited } = openPipeline([sync, other], { parts: { replies, inFlight } });
    const waiting = [serve(statusRecord(sync.keys.kafka)), serve(statusRecord(sync.keys.kafka))];
    expect(await serve(statusRecord(sync.keys.kafka))).toEqual(ACK);
    expect(served).toMatchObject([{ engine: 'sync', result: 'rate_limited', reply: 'dropped' }]);
    expect(audited.map(({ result, reason }) => [result, reason])).toContainEqual(['rate_limited', 'in_flight']);
    const head = { replyTopic: 'vault.replies.action' };
    expect(await serve(statusRecord(other.keys.kafka, { head }))).toEqual(ACK);
    expect(served.at(-1)).toMatchObject({ engine: 'action', result: 'ok', reply: 'sent' });
    hanging.resolve({ partition: 0, offset: 0n });
    expect(await Promise.all(waiting)).toEqual([ACK, ACK]);
    expect(inFlight.commandsOf('sync')).toBe(0);
  });
});

it('a value that cannot be decoded is answered, audited and moved to the dead-letter topic', async () => {
  const { parts } = openPipeline([sync]);
  const decode = () => ({ ok: false, reason: 'undecodable' }) as const;
  const { serve, sent, audited } = openPipeline([sync], { parts: { codec: { ...parts.codec, decode } } });
  const value = { user_id: USER, platform: 'gmail', min_validity_seconds: null, rejected_version: null };
  const result = await serve(commandRecord(sync.keys.kafka, 'GetToken', value));
  expect(result).toEqual({ kind: 'dead-letter', reason: 'undecodable' });
  expect(replyIn(sent[0])).toMatchObject({ value: { error_code: 'invalid_request' } });
  expect(audited).toMatchObject([{ result: 'invalid_request', reason: 'undecodable' }]);
});

describe('a command whose handling failed too often', () => {
  it('is audited and answered as internal', async () => {
    const { parts, sent, audited, served } = openPipeline([sync]);
    await concludeFailed(parts, statusRecord(sync.keys.kafka));
    expect(audited).toMatchObject([{ result: 'internal', reason: 'handler_failed', userId: USER, engine: 'sync' }]);
    expect(replyIn(sent[0])).toMatchObject({ value: { error_code: 'internal' } });
    expect(served).toMatchObject([{ result: 'internal', reply: 'sent' }]);
  });

  it('is not answered when it is not authenticated', async () => {
    const { parts, sent, audited } = openPipeline([sync]);
    await concludeFailed(parts, { ...statusRecord(sync.keys.kafka), key: Buffer.from('u2') });
    expect([sent, audited]).toEqual([[], []]);
  });
});

it('a reply that cannot be made is answered as internal, without another execution or audit record', async () => {
  const { parts } = openPipeline([sync]);
  const encode: typeof parts.codec.encode = (name, value) => {
    if (name === 'StatusSnapshot') throw new TypeError('a bug');
    return parts.codec.encode(name, value);
  };
  const { serve, sent, audited, served } = openPipeline([sync], { parts: { codec: { ...parts.codec, encode } } });
  expect(await serve(statusRecord(sync.keys.kafka))).toEqual(ACK);
  expect(replyIn(sent[0])).toMatchObject({ value: { error_code: 'internal' } });
  expect(audited).toHaveLength(1);
  expect(served[0]?.error).toBeInstanceOf(TypeError);
});
