import { type BusRecord, createPublisher, followTable, type Outgoing } from '@vault-engine/bus';
import { getStatus } from '@vault-engine/client';
import { type AuditRecord, type DecodedRecord, GATEWAY, isRecord } from '@vault-engine/contracts';
import { HEADER, parseReplyHeaders, verifyReply } from '@vault-engine/protocol';
import { vi } from 'vitest';
import type { TestVault } from '../flow/open-vault.ts';
import { type Command, type Wording, writeCommand } from './write-command.ts';

/** A reply that is authentic: under the keys of the command, and for this command alone. */
export interface Answer {
  readonly record: BusRecord;
  readonly reply: DecodedRecord;
  /** `ok`, or the error code. */
  readonly result: string;
}

/** Somebody who reads and writes every topic, and holds the keys of the engines that a test lends. */
export interface Adversary {
  readonly write: (wording: Wording) => Command;
  readonly send: (message: Outgoing) => Promise<void>;
  /** Sends a command and waits for its first authentic answer. */
  readonly ask: (command: Command) => Promise<Answer>;
  /** Waits until there are `count` authentic answers to a command. */
  readonly answers: (command: Command, count: number) => Promise<readonly Answer[]>;
  /** What stands on any reply topic under a command's id, authentic or not. */
  readonly repliesTo: (command: Command) => readonly BusRecord[];
  /** Every record on the reply topics. */
  readonly replies: () => readonly BusRecord[];
  /** What the audit log says of a command. */
  readonly auditOf: (command: Command) => readonly AuditRecord[];
  /** Waits until the worker is through with all that was sent before under a message key. */
  readonly settled: (key: string | Buffer) => Promise<void>;
  readonly close: () => Promise<void>;
}

/** Follows the reply topics and the audit log from their beginnings. */
export const openAdversary = async (vault: TestVault): Promise<Adversary> => {
  const publisher = createPublisher(vault.bus);
  const replies: BusRecord[] = [];
  const audit: AuditRecord[] = [];
  const replyTopics = [...Object.keys(vault.engines), GATEWAY].map(vault.topics.replies);
  const followed = await Promise.all([
    ...replyTopics.map((topic) => follow(vault, topic, (record) => replies.push(record))),
    follow(vault, vault.topics.auditLog, async ({ value }) => {
      const decoded = await vault.codec.decode(value);
      if (isRecord(decoded, 'AuditRecord')) audit.push(decoded.value);
    }),
  ]);
  const repliesTo = ({ message }: Command) =>
    replies.filter(({ headers }) => headers[HEADER.correlationId]?.equals(correlationOf(message)) === true);
  const answers = async (command: Command, count: number): Promise<readonly Answer[]> => {
    const authentic = await vi.waitUntil(
      () => {
        const found = repliesTo(command).filter((record) => isAuthentic(command, record));
        return found.length >= count ? found : undefined;
      },
      { timeout: 10_000, interval: 5 },
    );
    return Promise.all(authentic.map((record) => answerOf(vault, record)));
  };
  const send = async (message: Outgoing): Promise<void> => {
    await publisher.send(message);
  };
  const ask = async (command: Command): Promise<Answer> => {
    await send(command.message);
    return firstOf(await answers(command, 1));
  };
  const write = (wording: Wording): Command => writeCommand(vault, wording);
  return {
    write,
    send,
    ask,
    answers,
    repliesTo,
    replies: () => replies,
    auditOf: ({ requestId }) => audit.filter(({ request_id }) => request_id === requestId),
    // One key, one partition, one lane: what is answered last was begun last. Any answer will do, a refusal too.
    settled: async (key) => {
      const userId = key.toString();
      await ask(write({ engine: 'action', operation: getStatus({ userId }) }));
    },
    close: async () => {
      await Promise.all([publisher.close(), ...followed.map((topic) => topic.close())]);
    },
  };
};

const follow = (vault: TestVault, topic: string, onRecord: (record: BusRecord) => unknown) =>
  followTable(vault.bus, {
    topic,
    onChange: (_key, _value, record) => void onRecord(record),
    onFatal: (error) => {
      throw error;
    },
  });

const correlationOf = ({ headers = {} }: Outgoing): Buffer => headers[HEADER.correlationId] ?? Buffer.alloc(0);

/** What an engine does by schemas/PROTOCOL.md, section 7. */
const isAuthentic = ({ keys, commandId, mac }: Command, { topic, headers: fields, value }: BusRecord): boolean => {
  const headers = parseReplyHeaders(fields);
  if (!headers.ok || headers.value.signature === null || value === null) return false;
  const { replyType, signature } = headers.value;
  const head = { replyTopic: topic, commandId, replyType, requestMac: mac };
  return signature.kid === keys.kid && verifyReply(keys, head, value, signature.mac);
};

const answerOf = async ({ codec }: TestVault, record: BusRecord): Promise<Answer> => {
  const reply = await codec.decode(record.value);
  if (!reply.ok) throw new Error(`an authentic reply can not be read: ${reply.reason}`);
  return { record, reply, result: isRecord(reply, 'CommandFailed') ? reply.value.error_code : 'ok' };
};

const firstOf = <T>([first]: readonly T[]): T => {
  if (first === undefined) throw new Error('there is none');
  return first;
};
