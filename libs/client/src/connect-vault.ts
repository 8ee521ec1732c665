import { type BusLog, type BusOptions, connectBus } from '@vault-engine/bus/client';
import { COMMAND_NAMES, openCodec, REPLY_NAMES, topicNames } from '@vault-engine/contracts';
import { deriveEngineKeys, type EngineKeys, parseCredential } from '@vault-engine/protocol/client';
import { type GetTokenInput, getToken, type IssuedToken } from './get-token.ts';
import { openCaller } from './open-caller.ts';
import type { CallOptions } from './sign-command.ts';
import { type StoredToken, type StoreTokenInput, storeToken } from './store-token.ts';
import {
  type ForgottenUser,
  forgetUser,
  getStatus,
  type RevokedToken,
  type RevokeTokenInput,
  revokeToken,
  type StartConnectionInput,
  type StartedConnection,
  startConnection,
  type UserStatus,
} from './user-commands.ts';
import { VaultError } from './vault-error.ts';

/** Options of {@link connectVault}. */
export interface VaultOptions {
  /** `host:port` of one or more brokers. */
  readonly brokers: readonly string[];
  /** The base URL of the Confluent-compatible schema registry. */
  readonly registryUrl: string;
  /** The engine's id, e.g. `action`. */
  readonly engine: string;
  /** The engine's credential for Kafka, `vek1.…`. A secret. */
  readonly credential: string;
  /** The prefix of all topic names. */
  readonly topicPrefix?: string | undefined;
  /** The timeout of requests that give none. Default 5000. */
  readonly timeoutMs?: number | undefined;
  /** Default: `vault.replies.<engine>`, the only topic that the vault accepts for this engine. */
  readonly replyTopic?: string | undefined;
  /** The partition of the reply topic to read. Default: a random one. */
  readonly replyPartition?: number | undefined;
  readonly ssl?: BusOptions['ssl'];
  readonly sasl?: BusOptions['sasl'];
  /** Receives names, ids and reasons, never a key or a token. Default: no log. */
  readonly log?: BusLog | undefined;
}

/**
 * A connection of an engine to the vault. Every method rejects with `VaultError` (its subclass `VaultTimeout` if no
 * authenticated reply arrives in time), with the signal's reason, or with `VaultClosed`.
 */
export interface VaultClient {
  storeToken(input: StoreTokenInput, options?: CallOptions): Promise<StoredToken>;
  getToken(input: GetTokenInput, options?: CallOptions): Promise<IssuedToken>;
  getStatus(input: { readonly userId: string }, options?: CallOptions): Promise<UserStatus>;
  revokeToken(input: RevokeTokenInput, options?: CallOptions): Promise<RevokedToken>;
  startConnection(input: StartConnectionInput, options?: CallOptions): Promise<StartedConnection>;
  forgetUser(input: { readonly userId: string }, options?: CallOptions): Promise<ForgottenUser>;
  /** Rejects pending requests and closes all connections. */
  close(): Promise<void>;
}

/**
 * Connects an engine to the vault. When the promise resolves, the schema ids are known and the client reads its reply
 * partition, so no reply can be missed.
 *
 * @throws {VaultError} `unauthorized_engine` for a malformed credential
 */
export const connectVault = async (options: VaultOptions): Promise<VaultClient> => {
  const keys = keysOf(options);
  const { commands, replies } = topicNames(options.topicPrefix);
  const { brokers, registryUrl, engine, log, ssl, sasl, replyTopic, replyPartition, timeoutMs } = options;
  const clientId = `vault-client-${engine}`;
  const bus = connectBus({ brokers, clientId, ssl, sasl, ...(log === undefined ? {} : { log }) });
  // Includes the replies, so that the first reply of each type needs no look-up.
  const codec = await openCodec({ registryUrl, types: [...COMMAND_NAMES, ...REPLY_NAMES] });
  const caller = await openCaller({
    bus,
    codec,
    commandsTopic: commands,
    replyTopic: replyTopic ?? replies(engine),
    replyPartition,
    timeoutMs,
  });
  return {
    storeToken: (input, how) => caller.call(keys, storeToken(input), how),
    getToken: (input, how) => caller.call(keys, getToken(input), how),
    getStatus: (input, how) => caller.call(keys, getStatus(input), how),
    revokeToken: (input, how) => caller.call(keys, revokeToken(input), how),
    startConnection: (input, how) => caller.call(keys, startConnection(input), how),
    forgetUser: (input, how) => caller.call(keys, forgetUser(input), how),
    close: () => caller.close(),
  };
};

const keysOf = ({ engine, credential: text }: VaultOptions): EngineKeys => {
  const credential = parseCredential(text);
  if (!credential.ok)
    throw new VaultError('unauthorized_engine', 'the credential must have the form vek1.<kid>.<secret>');
  const keys = deriveEngineKeys(engine, credential.value);
  credential.value.secret.wipe();
  return keys;
};
