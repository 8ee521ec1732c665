import { createSecretKey, randomBytes } from 'node:crypto';
import { deserialize, serialize } from 'node:v8';
import type { BusRecord } from '@vault-engine/bus';
import { COMMAND_NAMES, type Codec, type Decoded, type Records, unframe } from '@vault-engine/contracts';
import type { Engine, EngineTable } from '@vault-engine/engines';
import {
  addKey,
  type CommandHead,
  deriveEngineKeys,
  type EngineKeys,
  type EntryContent,
  encodeCommandHeaders,
  type Grant,
  mintCredential,
  newEntry,
  openEntry,
  type Rate,
  rotate,
  sealEntry,
  signRequest,
} from '@vault-engine/protocol';
import { authenticate, type CommandInProgress, receive } from '../receive.ts';

export const TOPIC = 'vault.commands';
export const REPLY_TOPIC = 'vault.replies.sync';
/** Unix milliseconds: the append time of every sample, unless a test says otherwise. */
export const NOW = 1_700_000_000_000;
export const TIMEOUT_MS = 5_000;
export const USER = 'u1';

/** A value, or a thrown error with the reason. */
export const proven = <T>(result: { ok: true; value: T } | { ok: false; reason: string }): T => {
  if (!result.ok) throw new Error(result.reason);
  return result.value;
};

/** An engine with one active key per use. */
export interface SampleEngine {
  readonly engine: Engine;
  readonly keys: { readonly kafka: EngineKeys; readonly http: EngineKeys };
}

/** An engine `name` with these grants and this rate. */
export const sampleEngine = (
  name: string,
  grants: readonly Grant[] = [{ operations: COMMAND_NAMES, platforms: ['*'] }],
  rate: Rate = { perSecond: 100, burst: 100 },
): SampleEngine => {
  const dataKey = createSecretKey(randomBytes(32));
  const credentials = { kafka: mintCredential(), http: mintCredential() };
  const withKey = (content: EntryContent, use: 'kafka' | 'http'): EntryContent =>
    proven(rotate(proven(addKey(content, dataKey, { credential: credentials[use], use, now: 0 })), use));
  const empty = newEntry({ engine: name, wrappedKey: randomBytes(64), grants, rate });
  const entry = sealEntry(withKey(withKey(empty, 'kafka'), 'http'), dataKey);
  return {
    engine: { entry, dataKey, open: proven(openEntry(entry, dataKey)) },
    keys: {
      kafka: deriveEngineKeys(name, credentials.kafka),
      http: deriveEngineKeys(name, credentials.http),
    },
  };
};

/** A table of these engines. */
export const tableOf = (...engines: readonly Engine[]): Pick<EngineTable, 'get'> => ({
  get: (name) => engines.find(({ open }) => open.engine === name),
});

/** A codec without schemas: a frame around the name and the value of a record. */
export const plainCodec: Pick<Codec, 'encode' | 'decode'> = {
  encode: (name, value) => Buffer.concat([Buffer.from([0, 0, 0, 0, 1]), serialize({ name, value })]),
  decode: (message) => {
    const framed = unframe(message);
    return framed.ok ? ({ ok: true, ...deserialize(framed.body) } as Decoded) : framed; // as `encode` wrote it
  },
};

/** What a sample command may say otherwise than usual. */
export interface CommandSample {
  readonly head?: Partial<CommandHead>;
  readonly key?: Buffer | null;
  readonly value?: Buffer;
  readonly timestamp?: number;
  /** Changes headers after they were signed. */
  readonly headers?: Readonly<Record<string, Buffer>>;
}

/** A signed command as the commands topic has it. */
export const commandRecord = <Name extends 'GetStatus' | 'GetToken' | 'StartConnection' | 'StoreToken' | 'ForgetUser'>(
  keys: EngineKeys,
  name: Name,
  fields: Records[Name],
  sample: CommandSample = {},
): BusRecord => {
  const { timestamp = NOW, key = Buffer.from(USER), value = plainCodec.encode(name, fields) } = sample;
  const head: CommandHead = {
    commandId: randomBytes(16),
    commandType: name,
    timeoutMs: TIMEOUT_MS,
    idempotencyKey: null,
    replyTopic: REPLY_TOPIC,
    replyPartition: 0,
    sentMs: timestamp,
    ...sample.head,
  };
  const mac = signRequest(keys, head, { topic: TOPIC, key: key ?? '', value });
  const headers = { ...encodeCommandHeaders(head, { engine: keys.engine, kid: keys.kid, mac }), ...sample.headers };
  return { topic: TOPIC, partition: 0, offset: 0n, timestamp, key, value, headers };
};

/** `GetStatus` of the sample user, signed. */
export const statusRecord = (keys: EngineKeys, sample: CommandSample = {}): BusRecord =>
  commandRecord(keys, 'GetStatus', { user_id: USER }, sample);

/** The authenticated command in `record`, as an attempt that begins at {@link NOW} has it. */
export const inProgress = (
  { engine }: SampleEngine,
  record: BusRecord,
  changes: Partial<CommandInProgress> = {},
): CommandInProgress => ({
  ...proven(authenticate(tableOf(engine), proven(receive(record)))),
  attempt: 1,
  begunAt: NOW,
  late: false,
  releaseKeyOrder: () => undefined,
  runOutsideConcurrencyLimit: (work) => work,
  signal: new AbortController().signal,
  ...changes,
});
