import { randomUUID } from 'node:crypto';
import { userInfo } from 'node:os';
import { kafkaJournal } from '@vault-engine/audit';
import { type Bus, createPublisher } from '@vault-engine/bus';
import type { Codec } from '@vault-engine/contracts';

/** Writes an audit record: an operator did `action` to `subject`. Resolves once the brokers have acknowledged it. */
export type WriteAudit = (action: string, subject: string) => Promise<void>;

/** Runs `use` with the audit log open. Records name the operator as `cli:<OS user>`. */
export const withAuditLog = async <T>(
  { bus, codec, topic }: { readonly bus: Bus; readonly codec: Codec; readonly topic: string },
  use: (audit: WriteAudit) => Promise<T>,
): Promise<T> => {
  const publisher = createPublisher(bus);
  const journal = kafkaJournal({
    codec,
    auditTo: publisher,
    eventsTo: publisher,
    auditTopic: topic,
    eventsTopic: topic,
  });
  const engine = `cli:${userInfo().username}`;
  try {
    return await use((action, subject) =>
      journal.record(
        journal.encodeAudit({
          id: randomUUID(),
          requestId: null,
          userId: null,
          platform: null,
          time: Date.now(),
          engine,
          keyId: null,
          action,
          result: 'ok',
          reason: subject,
          recordVersion: null,
          count: 1,
        }),
      ),
    );
  } finally {
    await publisher.close();
  }
};
