import { ciphertext, metadataHash, type RecordContext, sealRecord } from '@vault-engine/crypto';
import type { CommandField, ReplyField } from '../src/index.ts';
import {
  ACCESS_TOKEN,
  accessBox,
  accessField,
  issuedBox,
  issuedField,
  REFRESH_TOKEN,
  refreshBox,
  refreshField,
} from './exchange.ts';
import { bytesOf, changedAt, drawn, hex, keys, otherUserKey, token, userKey } from './fixtures.ts';

const commandPlace = ({ commandId, commandType, ...at }: CommandField) => ({
  ...at,
  command_id: hex(commandId),
  command_type: commandType,
});
const replyPlace = ({ replyTopic, commandId, replyType, requestMac, field }: ReplyField) => ({
  reply_topic: replyTopic,
  command_id: hex(commandId),
  reply_type: replyType,
  field,
  request_mac: hex(requestMac),
});
const base = { engine: keys.engine, kid: keys.kid };
const c2v = { direction: 'c2v', ...base, key: hex(keys.c2v.export()) };
const v2c = { direction: 'v2c', ...base, key: hex(keys.v2c.export()) };
const inCommand = (box: Buffer, at: CommandField) => ({ ...c2v, place: commandPlace(at), box: hex(box) });
const inReply = (box: Buffer, at: ReplyField) => ({ ...v2c, place: replyPlace(at), box: hex(box) });

export const boxVectors = {
  about:
    'Sealed boxes in their places. The refused ones differ from the first or the last accepted one in what `why` says.',
  accepted: [
    { ...inCommand(accessBox, accessField), plaintext: ACCESS_TOKEN },
    { ...inCommand(refreshBox, refreshField), plaintext: REFRESH_TOKEN },
    { ...inReply(issuedBox, issuedField), plaintext: ACCESS_TOKEN },
  ],
  refused: [
    { why: 'another topic', ...inCommand(accessBox, { ...accessField, topic: 'vault.commands.dlt' }) },
    { why: 'another command', ...inCommand(accessBox, { ...accessField, commandId: bytesOf('other', 16) }) },
    { why: 'another command type', ...inCommand(accessBox, { ...accessField, commandType: 'GetToken' }) },
    { why: 'another user', ...inCommand(accessBox, { ...accessField, user: 'u2' }) },
    { why: 'another platform', ...inCommand(accessBox, { ...accessField, platform: 'slack' }) },
    { why: 'another field', ...inCommand(accessBox, refreshField) },
    { why: 'the key of the other direction', ...inCommand(accessBox, accessField), key: v2c.key },
    { why: 'another version', ...inCommand(changedAt(accessBox, 0), accessField) },
    { why: 'another suite', ...inCommand(changedAt(accessBox, 1), accessField) },
    { why: 'another kid', ...inCommand(changedAt(accessBox, 5), accessField) },
    { why: 'another salt', ...inCommand(changedAt(accessBox, 6), accessField) },
    { why: 'another ciphertext', ...inCommand(changedAt(accessBox, 30), accessField) },
    { why: 'another tag', ...inCommand(changedAt(accessBox, accessBox.length - 1), accessField) },
    { why: 'a tag of 12 bytes', ...inCommand(accessBox.subarray(0, -4), accessField) },
    { why: 'shorter than any box', ...inCommand(accessBox.subarray(0, 45), accessField) },
    { why: 'another reply topic', ...inReply(issuedBox, { ...issuedField, replyTopic: 'vault.replies.sync' }) },
    { why: 'another reply type', ...inReply(issuedBox, { ...issuedField, replyType: 'TokenStored' }) },
    {
      why: 'the reply to another request',
      ...inReply(issuedBox, { ...issuedField, requestMac: bytesOf('other', 32) }),
    },
  ],
};

const metadata = {
  tokenType: 'Bearer',
  scopes: ['email', 'profile'],
  expiresAt: 1_790_003_600_000,
  refreshExpiresAt: null,
  params: { region: 'eu', instance: 'https://example.org' },
};
const context: RecordContext = {
  user: 'u1',
  platform: 'gmail',
  slot: 'access',
  version: 1_790_000_000_000_000,
  metadataHash: metadataHash(metadata),
};
const record = sealRecord(userKey, context, token(ACCESS_TOKEN), drawn('record salt'));
const sealed = (bytes: Buffer, other: Partial<RecordContext> = {}) => {
  const { metadataHash: hash, ...place } = { ...context, ...other };
  return { context: { ...place, metadata_hash: hex(hash) }, sealed: hex(ciphertext(bytes)) };
};

export const recordVectors = {
  about: 'Tokens at rest. Engines never see these; they are here for whoever audits or migrates a store.',
  kid: hex(userKey.kid),
  data_key: hex(userKey.key.export()),
  metadata: { ...metadata, hash: hex(context.metadataHash) },
  accepted: [{ ...sealed(record), plaintext: ACCESS_TOKEN }],
  refused: [
    { why: 'another user', ...sealed(record, { user: 'u2' }) },
    { why: 'another platform', ...sealed(record, { platform: 'slack' }) },
    { why: 'another slot', ...sealed(record, { slot: 'refresh' }) },
    { why: 'another version', ...sealed(record, { version: context.version - 1 }) },
    { why: 'other metadata', ...sealed(record, { metadataHash: bytesOf('other', 32) }) },
    { why: 'an older format', ...sealed(changedAt(record, 2)) },
    { why: 'another suite', ...sealed(changedAt(record, 3)) },
    { why: 'another kid', ...sealed(changedAt(record, 4)) },
    { why: 'another salt', ...sealed(changedAt(record, 20)) },
    { why: 'another commitment', ...sealed(changedAt(record, 52)) },
    { why: 'another ciphertext', ...sealed(changedAt(record, 84)) },
    { why: 'a tag of 12 bytes', ...sealed(record.subarray(0, -4)) },
    { why: 'another data key', ...sealed(sealRecord(otherUserKey, context, token('abcd'), drawn('record salt'))) },
  ],
};
