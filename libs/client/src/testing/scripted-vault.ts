import {
  applyTopics,
  type BusRecord,
  connectBus,
  createPublisher,
  type Outgoing,
  openInbox,
  type Published,
} from '@vault-engine/bus';
import { type Codec, openCodec, type Records, type ReplyName, topicNames } from '@vault-engine/contracts';
import { applySchemas } from '@vault-engine/contracts/apply-schemas';
import { secretOf } from '@vault-engine/crypto/plaintext';
import {
  type CommandHeaders,
  type EngineKeys,
  encodeReplyHeaders,
  parseCommandHeaders,
  sealForEngine,
  signReply,
} from '@vault-engine/protocol';
import type { World } from '@vault-engine/world';

/** A command that the double has received. */
export interface Received {
  readonly headers: CommandHeaders;
  readonly topic: string;
  readonly key: Buffer;
  readonly value: Buffer;
}

/** How a reply differs from the vault's. */
export interface Twist {
  readonly headerType?: string;
  readonly keys?: EngineKeys;
  readonly kid?: string;
  readonly unsigned?: boolean;
  readonly macTopic?: string;
  readonly requestMac?: Buffer;
  readonly tamper?: boolean;
  readonly correlation?: Buffer;
}

/** A double of the command worker that can also send invalid replies. */
export interface ScriptedVault {
  readonly codec: Codec;
  /** Handles each command from now on. */
  respond: (received: Received) => Promise<unknown>;
  /** Replies under `keys` as the vault does, except for the twist. */
  reply<Name extends ReplyName>(to: Received, name: Name, value: Records[Name], twist?: Twist): Promise<void>;
  send(message: Outgoing): Promise<Published>;
  /** Errors in scripts since the last call. */
  failures(): readonly unknown[];
  close(): Promise<void>;
}

/** Opens the double in `world`, with the reply topics of `engines`. */
export const openScriptedVault = async (
  world: World,
  keys: EngineKeys,
  engines: readonly string[],
): Promise<ScriptedVault> => {
  await applySchemas(world.registryUrl);
  const bus = connectBus({ brokers: world.brokers, clientId: `${world.topicPrefix}scripted-vault` });
  const { commands, replies } = topicNames(world.topicPrefix);
  const topics = [commands, ...engines.map(replies)];
  await applyTopics(
    bus,
    topics.map((name) => ({ name, partitions: name === commands ? 1 : 2, config: {} })),
    { replicationFactor: 1 },
  );
  const codec = await openCodec({ registryUrl: world.registryUrl });
  const publisher = createPublisher(bus);
  const failures: unknown[] = [];
  const inbox = await openInbox(bus, {
    topic: commands,
    onRecord: (record) => {
      vault.respond(receivedOf(record)).catch((error) => failures.push(error));
    },
    onFatal: (error) => failures.push(error),
  });
  const vault: ScriptedVault = {
    codec,
    respond: () => Promise.reject(new Error('a command that nobody expected')),
    reply: async (to, name, value, twist = {}) => {
      await publisher.send(replyOf(keys, to, name, codec.encode(name, value), twist));
    },
    send: (message) => publisher.send(message),
    failures: () => failures.splice(0),
    close: async () => {
      await Promise.all([inbox.close(), publisher.close()]);
    },
  };
  return vault;
};

const receivedOf = ({ headers: fields, topic, key, value }: BusRecord): Received => {
  const headers = parseCommandHeaders(fields);
  if (!headers.ok || key === null || value === null) throw new Error('the record is not a command');
  return { headers: headers.value, topic, key, value };
};

const replyOf = (keys: EngineKeys, { headers, key }: Received, name: string, value: Buffer, twist: Twist): Outgoing => {
  const by = twist.keys ?? keys;
  const replyType = twist.headerType ?? name;
  const head = {
    replyTopic: twist.macTopic ?? headers.replyTopic,
    commandId: headers.commandId,
    replyType,
    requestMac: twist.requestMac ?? headers.mac,
  };
  const signature = twist.unsigned ? null : { kid: twist.kid ?? by.kid, mac: signReply(by, head, value) };
  return {
    topic: headers.replyTopic,
    partition: headers.replyPartition,
    key,
    value: twist.tamper ? flipLastBit(value) : value,
    headers: encodeReplyHeaders(twist.correlation ?? headers.correlation, replyType, signature),
  };
};

const flipLastBit = (bytes: Buffer): Buffer => {
  const flipped = Buffer.from(bytes);
  flipped[flipped.length - 1] = (flipped.at(-1) ?? 0) ^ 1;
  return flipped;
};

/** A reply with a token that is sealed for it. */
export const issued = ({ headers, key }: Received, token: string, keys: EngineKeys): Records['TokenIssued'] => ({
  user_id: key.toString(),
  platform: 'gmail',
  access_token: sealForEngine(
    keys,
    {
      replyTopic: headers.replyTopic,
      commandId: headers.commandId,
      replyType: 'TokenIssued',
      requestMac: headers.mac,
      field: 'access_token',
    },
    secretOf(Buffer.from(token)),
  ),
  token_type: 'Bearer',
  expires_at: 1_900_000_000_000,
  scopes: ['email'],
  token_version: 7,
  params: { region: 'eu' },
  warning: null,
});

/** A refusal. */
export const failed = (
  error_code: string,
  retry_after_ms: number | null = null,
  suggested_action = 'retry',
): Records['CommandFailed'] => ({ error_code, message: 'as the vault says', suggested_action, retry_after_ms });
