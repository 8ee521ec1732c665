import { canon, sha256 } from '@vault-engine/crypto';
import {
  type CommandHead,
  encodeCommandHeaders,
  encodeReplyHeaders,
  HEADER,
  type ReplyHead,
  uuidText,
} from '../src/index.ts';
import * as exchange from './exchange.ts';
import { bytesOf, hex, hexHeaders, keys } from './fixtures.ts';

const { TOPIC, USER, storeHead, storeMac, storeValue } = exchange;
const SIGNER = { engine: keys.engine, kid: keys.kid, auth: hex(keys.auth.export()) };

const request = (head: CommandHead, mac: Buffer, value: Buffer) => ({
  topic: TOPIC,
  key: USER,
  value: hex(value),
  headers: hexHeaders(encodeCommandHeaders(head, { engine: keys.engine, kid: keys.kid, mac })),
});

/** Encoded here independently of the library, so that the vectors do not merely repeat it. */
const requestInput = (head: CommandHead, value: Buffer): Buffer =>
  canon(
    ...['VE/req/v1', TOPIC, keys.engine, keys.kid, `${head.sentMs}`, head.commandId, head.commandType],
    ...[`${head.timeoutMs}`, head.idempotencyKey ?? '', head.replyTopic, `${head.replyPartition}`, USER, sha256(value)],
  );

const accepted = (head: CommandHead, mac: Buffer, value: Buffer) => ({
  ...request(head, mac, value),
  command_type: head.commandType,
  mac_input: hex(requestInput(head, value)),
  mac: hex(mac),
});

const store = request(storeHead, storeMac, storeValue);
const withHeaders = (headers: Readonly<Record<string, Buffer | string | null>>) => {
  const changed = Object.entries(headers).map(([name, value]) => [
    name,
    value === null ? null : hex(Buffer.from(value)),
  ]);
  const all = Object.entries({ ...store.headers, ...Object.fromEntries(changed) });
  return { ...store, headers: Object.fromEntries(all.filter(([, value]) => value !== null)) };
};
const engineKey = (kid: string, sent: string, mac: Buffer) => ({
  [HEADER.engineKey]: `v1.${kid}.${sent}.${mac.toString('base64url')}`,
});
const sent = String(storeHead.sentMs);

export const requestVectors = {
  about: 'Commands as they lie in the topic. The refused ones are the first accepted one, changed in what `why` says.',
  ...SIGNER,
  accepted: [
    accepted(storeHead, storeMac, storeValue),
    accepted(exchange.getHead, exchange.getMac, exchange.getValue),
    {
      ...accepted(storeHead, storeMac, storeValue),
      ...withHeaders({ [HEADER.correlationId]: uuidText(storeHead.commandId), [HEADER.replyPartition]: '3' }),
    },
  ],
  refused: [
    { why: 'mac: another topic', ...store, topic: 'vault.commands.dlt' },
    { why: 'mac: another key', ...store, key: 'u2' },
    { why: 'mac: another value', ...store, value: `${store.value.slice(0, -2)}02` },
    { why: 'mac: another engine', ...withHeaders({ [HEADER.engineId]: 'sync' }) },
    { why: 'mac: another kid', ...withHeaders(engineKey('00c0ffef', sent, storeMac)) },
    { why: 'mac: another sent time', ...withHeaders(engineKey(keys.kid, `${storeHead.sentMs + 1}`, storeMac)) },
    { why: 'mac: another MAC', ...withHeaders(engineKey(keys.kid, sent, bytesOf('other', 32))) },
    { why: 'mac: another command id', ...withHeaders({ [HEADER.correlationId]: bytesOf('other', 16) }) },
    { why: 'mac: another command type', ...withHeaders({ [HEADER.commandType]: 'GetToken' }) },
    { why: 'mac: another timeout', ...withHeaders({ [HEADER.timeoutMs]: '5001' }) },
    { why: 'mac: another idempotency key', ...withHeaders({ [HEADER.idempotencyKey]: 'flow-18' }) },
    { why: 'mac: no idempotency key', ...withHeaders({ [HEADER.idempotencyKey]: null }) },
    { why: 'mac: another reply topic', ...withHeaders({ [HEADER.replyTopic]: 'vault.replies.sync' }) },
    { why: 'mac: another reply partition', ...withHeaders({ [HEADER.replyPartition]: '4' }) },
    ...[HEADER.correlationId, HEADER.replyTopic, HEADER.replyPartition, HEADER.engineId, HEADER.engineKey].map(absent),
    ...[HEADER.commandType, HEADER.timeoutMs].map(absent),
    { why: 'header_malformed: the credential itself', ...withHeaders({ [HEADER.engineKey]: `vek1.${keys.kid}.x` }) },
    { why: 'header_malformed: a NanoID', ...withHeaders({ [HEADER.correlationId]: 'V1StGXR8_Z5jdHi6B-myT' }) },
    { why: 'header_malformed: partition -1', ...withHeaders({ [HEADER.replyPartition]: Buffer.alloc(4, 0xff) }) },
    { why: 'header_malformed: timeout 0', ...withHeaders({ [HEADER.timeoutMs]: '0' }) },
    { why: 'header_malformed: timeout too long', ...withHeaders({ [HEADER.timeoutMs]: '600001' }) },
    { why: 'header_malformed: empty idempotency key', ...withHeaders({ [HEADER.idempotencyKey]: '' }) },
  ],
};

function absent(name: string) {
  return { why: `header_missing: ${name}`, ...withHeaders({ [name]: null }) };
}

const reply = (head: ReplyHead, mac: Buffer, value: Buffer) => ({
  reply_topic: head.replyTopic,
  request_mac: hex(head.requestMac),
  headers: hexHeaders(encodeReplyHeaders(head.commandId, head.replyType, { kid: keys.kid, mac })),
  value: hex(value),
});

const acceptedReply = (head: ReplyHead, mac: Buffer, value: Buffer) => ({
  ...reply(head, mac, value),
  reply_type: head.replyType,
  mac_input: hex(
    canon('VE/rep/v1', keys.engine, head.replyTopic, head.commandId, head.replyType, head.requestMac, sha256(value)),
  ),
  mac: hex(mac),
});

const stored = reply(exchange.storedReply, exchange.storedMac, exchange.storedValue);
const replyWith = (headers: Readonly<Record<string, Buffer | string>>) => ({
  ...stored,
  headers: {
    ...stored.headers,
    ...Object.fromEntries(Object.entries(headers).map(([name, value]) => [name, hex(Buffer.from(value))])),
  },
});

export const replyVectors = {
  about:
    'The replies to the first two requests, as they lie in the topic, and the first of them changed in what `why` says.',
  ...SIGNER,
  accepted: [
    acceptedReply(exchange.storedReply, exchange.storedMac, exchange.storedValue),
    acceptedReply(exchange.issuedReply, exchange.issuedMac, exchange.issuedValue),
  ],
  refused: [
    { why: 'mac: another reply topic', ...stored, reply_topic: 'vault.replies.sync' },
    { why: 'mac: another request', ...stored, request_mac: hex(exchange.getMac) },
    { why: 'mac: another value', ...stored, value: hex(exchange.issuedValue) },
    { why: 'mac: another command', ...replyWith({ [HEADER.correlationId]: bytesOf('other', 16) }) },
    { why: 'mac: another type', ...replyWith({ [HEADER.replyType]: 'CommandFailed' }) },
    { why: "mac: the request's MAC reflected", ...replyWith(vaultMac(storeMac)) },
    { why: 'unsigned', ...stored, headers: hexHeaders(encodeReplyHeaders(storeHead.commandId, 'CommandFailed', null)) },
    {
      why: 'header_malformed: an upper-case kid',
      ...replyWith({ [HEADER.vaultMac]: `v1.00C0FFEE.${'A'.repeat(43)}` }),
    },
  ],
};

function vaultMac(mac: Buffer) {
  return { [HEADER.vaultMac]: `v1.${keys.kid}.${mac.toString('base64url')}` };
}
