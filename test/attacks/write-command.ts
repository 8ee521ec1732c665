import { randomBytes } from 'node:crypto';
import type { Outgoing } from '@vault-engine/bus';
import type { Operation } from '@vault-engine/client';
import {
  type CommandHead,
  deriveEngineKeys,
  type EngineKeys,
  encodeCommandHeaders,
  parseCredential,
  signRequest,
  uuidText,
} from '@vault-engine/protocol';
import type { TestVault } from '../flow/open-vault.ts';

/** A command as it goes to the topic. */
export type CommandMessage = Outgoing & {
  readonly key: Buffer;
  readonly value: Buffer;
  readonly headers: Readonly<Record<string, Buffer>>;
};

/** A correctly signed command, and what its reply is judged by. */
export interface Command {
  readonly message: CommandMessage;
  readonly keys: EngineKeys;
  readonly commandId: Buffer;
  /** The command's id as the audit log has it. */
  readonly requestId: string;
  readonly mac: Buffer;
}

/** What a command says. What is left out is as an honest engine has it. */
export interface Wording extends Partial<CommandHead> {
  readonly engine: string;
  /** Default: the engine's own for Kafka. */
  readonly credential?: string;
  readonly operation: Operation<unknown>;
  /** Default: the user that the operation is about. */
  readonly key?: string;
  /** Signed in the place of the record's own bytes. */
  readonly value?: Buffer;
  /** The topic that is signed. It is sent to the vault's all the same. */
  readonly signedTopic?: string;
}

/** Writes and signs a command. */
export const writeCommand = (vault: TestVault, wording: Wording): Command => {
  const { engine, operation, signedTopic: topic = vault.topics.commands } = wording;
  const keys = keysOf(engine, wording.credential ?? vault.engines[engine]?.kafka.key ?? '');
  const head = headOf(vault, wording);
  const { commandId } = head;
  const value = wording.value ?? operation.encode(vault.codec, { keys, topic: vault.topics.commands, commandId });
  const key = Buffer.from(wording.key ?? operation.user);
  const mac = signRequest(keys, head, { topic, key, value });
  const headers = encodeCommandHeaders(head, { engine, kid: keys.kid, mac });
  return {
    message: { topic: vault.topics.commands, key, value, headers },
    keys,
    commandId,
    requestId: uuidText(commandId),
    mac,
  };
};

/** The keys of a credential's text. */
export const keysOf = (engine: string, text: string): EngineKeys => {
  const credential = parseCredential(text);
  if (!credential.ok) throw new Error(`${engine} has no credential`);
  return deriveEngineKeys(engine, credential.value);
};

const headOf = ({ topics }: TestVault, { engine, operation, ...said }: Wording): CommandHead => ({
  commandId: said.commandId ?? randomBytes(16),
  commandType: said.commandType ?? operation.command,
  timeoutMs: said.timeoutMs ?? 20_000,
  idempotencyKey: said.idempotencyKey ?? null,
  replyTopic: said.replyTopic ?? topics.replies(engine),
  replyPartition: said.replyPartition ?? 0,
  sentMs: said.sentMs ?? Date.now(),
});
