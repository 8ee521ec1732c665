/** The two exchanges of the vectors: StoreToken, then GetToken. */
import { type CommandHead, type ReplyHead, sealForEngine, sealForVault, signReply, signRequest } from '../src/index.ts';
import { bytesOf, drawn, keys, token } from './fixtures.ts';

export const TOPIC = 'vault.commands';
const REPLY_TOPIC = 'vault.replies.action';
export const USER = 'u1';
const PLATFORM = 'gmail';

const head = (commandType: string, other: Partial<CommandHead>): CommandHead => ({
  commandId: bytesOf(commandType, 16),
  commandType,
  timeoutMs: 5_000,
  idempotencyKey: null,
  replyTopic: REPLY_TOPIC,
  replyPartition: 3,
  sentMs: 1_790_000_000_000,
  ...other,
});

export const storeHead = head('StoreToken', { idempotencyKey: 'flow-17' });
export const getHead = head('GetToken', { replyPartition: 0, timeoutMs: 2_500 });

const commandField = {
  topic: TOPIC,
  commandId: storeHead.commandId,
  commandType: 'StoreToken',
  user: USER,
  platform: PLATFORM,
};
export const accessField = { ...commandField, field: 'access_token' };
export const refreshField = { ...commandField, field: 'refresh_token' };

export const ACCESS_TOKEN = 'abcd';
export const REFRESH_TOKEN = 'r1';
export const accessBox = sealForVault(keys, accessField, token(ACCESS_TOKEN), drawn('access salt'));
export const refreshBox = sealForVault(keys, refreshField, token(REFRESH_TOKEN), drawn('refresh salt'));

/** Avro's string and bytes for lengths below 64: one length byte, doubled by the zig-zag encoding. */
const short = (bytes: Buffer | string): Buffer => Buffer.concat([Buffer.from([2 * bytes.length]), Buffer.from(bytes)]);
const framed = (schemaId: number, ...body: readonly Buffer[]): Buffer => {
  const prefix = Buffer.alloc(5);
  prefix.writeInt32BE(schemaId, 1);
  return Buffer.concat([prefix, ...body]);
};
const NULL = Buffer.from([0]);
const SECOND_BRANCH = Buffer.from([2]);
const END = Buffer.from([0]);
const ONE_ITEM = Buffer.from([2]);

export const storeValue = framed(
  1,
  ...[short(USER), short(PLATFORM), short(accessBox), SECOND_BRANCH, short(refreshBox), NULL],
  ...[ONE_ITEM, short('email'), END, short('Bearer'), NULL, END, NULL],
);
export const getValue = framed(2, short(USER), short(PLATFORM), NULL, NULL);

export const storeMac = signRequest(keys, storeHead, { topic: TOPIC, key: USER, value: storeValue });
export const getMac = signRequest(keys, getHead, { topic: TOPIC, key: USER, value: getValue });

export const storedReply: ReplyHead = {
  replyTopic: REPLY_TOPIC,
  commandId: storeHead.commandId,
  replyType: 'TokenStored',
  requestMac: storeMac,
};
const VERSION = Buffer.from([2]);
export const storedValue = framed(3, short(USER), short(PLATFORM), VERSION, VERSION);
export const storedMac = signReply(keys, storedReply, storedValue);

export const issuedReply: ReplyHead = {
  replyTopic: REPLY_TOPIC,
  commandId: getHead.commandId,
  replyType: 'TokenIssued',
  requestMac: getMac,
};
export const issuedField = { ...issuedReply, field: 'access_token' };
export const issuedBox = sealForEngine(keys, issuedField, token(ACCESS_TOKEN), drawn('issued salt'));
export const issuedValue = framed(
  4,
  ...[short(USER), short(PLATFORM), short(issuedBox), short('Bearer'), NULL],
  ...[ONE_ITEM, short('email'), END, VERSION, END, NULL],
);
export const issuedMac = signReply(keys, issuedReply, issuedValue);
