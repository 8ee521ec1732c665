import { randomBytes } from 'node:crypto';
import { secretOf } from '@vault-engine/crypto/plaintext';
import { describe, expect, it } from 'vitest';
import { type CommandHeaders, encodeCommandHeaders, parseCommandHeaders } from './command-headers.ts';
import { deriveEngineKeys } from './credential.ts';
import { type CommandMessage, type ReplyHead, signReply, signRequest, verifyReply, verifyRequest } from './sign.ts';

const keysOf = (engine: string, kid: string, fill: number) =>
  deriveEngineKeys(engine, { kid, secret: secretOf(Buffer.alloc(32, fill)) });
const keys = keysOf('action', '00c0ffee', 7);

const head = {
  commandId: randomBytes(16),
  commandType: 'StoreToken',
  timeoutMs: 5_000,
  idempotencyKey: 'order-1',
  replyTopic: 'vault.replies.action',
  replyPartition: 3,
  sentMs: 1_790_000_000_000,
};
const message: CommandMessage = { topic: 'vault.commands', key: 'u1', value: Buffer.from('\0record') };
const headers: CommandHeaders = {
  ...head,
  correlation: head.commandId,
  engine: keys.engine,
  kid: keys.kid,
  mac: signRequest(keys, head, message),
  traceparent: null,
};

describe('a signed request', () => {
  it('is verified by the vault as the engine sent it', () => {
    const sent = encodeCommandHeaders(head, { engine: 'action', kid: keys.kid, mac: headers.mac });
    const came = parseCommandHeaders(sent);
    expect(came.ok && verifyRequest(keys, came.value, { ...message, key: Buffer.from('u1') })).toBe(true);
  });

  it.each<[string, Partial<CommandHeaders>, Partial<CommandMessage>]>([
    ['topic', {}, { topic: 'vault.commands.dlt' }],
    ['engine', { engine: 'sync' }, {}],
    ['kid', { kid: '00c0ffef' }, {}],
    ['sent time', { sentMs: head.sentMs + 1 }, {}],
    ['command id', { commandId: randomBytes(16) }, {}],
    ['command type', { commandType: 'GetToken' }, {}],
    ['timeout', { timeoutMs: 5_001 }, {}],
    ['idempotency key', { idempotencyKey: 'order-2' }, {}],
    ['absence of the idempotency key', { idempotencyKey: null }, {}],
    ['reply topic', { replyTopic: 'vault.replies.sync' }, {}],
    ['reply partition', { replyPartition: 4 }, {}],
    ['message key', {}, { key: 'u2' }],
    ['value', {}, { value: Buffer.from('\0rec0rd') }],
    ['MAC', { mac: randomBytes(32) }, {}],
    ['MAC cut short', { mac: headers.mac.subarray(0, 16) }, {}],
    ['boundary between type and timeout', { commandType: 'StoreToken5', timeoutMs: 0 }, {}],
  ])('is refused with another %s', (_field, otherHeaders, otherMessage) => {
    expect(verifyRequest(keys, { ...headers, ...otherHeaders }, { ...message, ...otherMessage })).toBe(false);
  });

  it.each([
    ['another secret', keysOf('action', '00c0ffee', 8)],
    ['the same secret under another kid', keysOf('action', '00c0ffef', 7)],
    ['the same secret under another engine', keysOf('sync', '00c0ffee', 7)],
  ])('is refused under %s', (_what, other) => {
    expect(verifyRequest(other, { ...headers, engine: other.engine, kid: other.kid }, message)).toBe(false);
  });
});

describe('a signed reply', () => {
  const reply: ReplyHead = {
    replyTopic: head.replyTopic,
    commandId: head.commandId,
    replyType: 'TokenStored',
    requestMac: headers.mac,
  };
  const value = Buffer.from('\0reply');
  const mac = signReply(keys, reply, value);

  it('is verified by the engine that asked', () => {
    expect(verifyReply(keys, reply, value, mac)).toBe(true);
  });

  it.each<[string, Partial<ReplyHead>]>([
    ['reply topic', { replyTopic: 'vault.replies.sync' }],
    ['command id', { commandId: randomBytes(16) }],
    ['reply type', { replyType: 'CommandFailed' }],
    ['request', { requestMac: randomBytes(32) }],
  ])('is refused for another %s', (_field, other) => {
    expect(verifyReply(keys, { ...reply, ...other }, value, mac)).toBe(false);
  });

  it('is refused with another value or MAC, or under another key', () => {
    expect(verifyReply(keys, reply, Buffer.from('\0Reply'), mac)).toBe(false);
    expect(verifyReply(keys, reply, value, randomBytes(32))).toBe(false);
    expect(verifyReply(keys, reply, value, mac.subarray(1))).toBe(false);
    expect(verifyReply(keysOf('sync', '00c0ffee', 7), reply, value, mac)).toBe(false);
  });

  it('can not be reflected as a request, nor a request as a reply', () => {
    // Everything that an attacker can choose is equal: type, id, topic, value and key.
    const same = { ...headers, commandType: reply.replyType, mac };
    expect(verifyRequest(keys, same, { ...message, topic: reply.replyTopic, value })).toBe(false);
    expect(verifyReply(keys, { ...reply, replyType: head.commandType }, message.value, headers.mac)).toBe(false);
  });

  it('is bound to one signing of a command, not to its id', () => {
    const again = signRequest(keys, { ...head, sentMs: head.sentMs + 1 }, message);
    expect(verifyReply(keys, { ...reply, requestMac: again }, value, mac)).toBe(false);
  });
});
