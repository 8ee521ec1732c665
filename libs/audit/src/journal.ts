import { randomBytes } from 'node:crypto';
import { type Publisher, PublishFailed } from '@vault-engine/bus';
import type { AuditRecord, Codec, ConnectionChanged } from '@vault-engine/contracts';
import { type AuditEntry, type ConnectionEvent, type Journal, PortUnavailable } from '@vault-engine/vault';

/** What a journal writes with. Audit records and events have a producer each, so that a fault of one topic does not stop the other. */
export interface JournalParts {
  readonly codec: Codec;
  readonly auditTo: Publisher;
  readonly eventsTo: Publisher;
  readonly auditTopic: string;
  readonly eventsTopic: string;
}

/**
 * The {@link Journal} on Kafka. The key of an audit record is this writer's epoch: 16 random bytes in hex, new at each
 * start. So the records of one writer keep their order in one partition.
 */
export const kafkaJournal = ({ codec, auditTo, eventsTo, auditTopic, eventsTopic }: JournalParts): Journal => {
  const epoch = randomBytes(16).toString('hex');
  return {
    encodeAudit: (entry) => codec.encode('AuditRecord', auditRecord(entry)),
    encodeEvent: (event) => codec.encode('ConnectionChanged', connectionChanged(event)),
    record: (value) => acknowledged(auditTo, { topic: auditTopic, key: epoch, value }),
    publish: (user, value) => acknowledged(eventsTo, { topic: eventsTopic, key: user, value }),
  };
};

const acknowledged = async (to: Publisher, message: { topic: string; key: string; value: Buffer }): Promise<void> => {
  try {
    await to.send({ ...message, key: Buffer.from(message.key), headers: {} });
  } catch (error) {
    if (error instanceof PublishFailed)
      throw new PortUnavailable('audit', `${message.topic}: ${error.reason}`, { cause: error });
    throw error;
  }
};

const auditRecord = (entry: AuditEntry): AuditRecord => ({
  record_id: entry.id,
  request_id: entry.requestId,
  user_id: entry.userId,
  platform: entry.platform,
  time: entry.time,
  engine: entry.engine,
  key_id: entry.keyId,
  action: entry.action,
  result: entry.result,
  reason: entry.reason,
  record_version: entry.recordVersion,
  count: entry.count,
});

const connectionChanged = (event: ConnectionEvent): ConnectionChanged => ({
  event_id: event.id,
  user_id: event.userId,
  platform: event.platform,
  revision: event.revision,
  occurred_at: event.time,
  change: event.change,
  engine: event.engine,
  reason: event.view?.reason ?? null,
  status: event.view?.status ?? null,
  suggested_action: event.view?.action ?? null,
  expires_at: event.view?.expiresAt ?? null,
  lapses_at: event.view?.lapsesAt ?? null,
});
