import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { applyTopics, connectBus, createPublisher, readTopic } from '@vault-engine/bus';
import { openCodec, topicNames, topicSpecs } from '@vault-engine/contracts';
import { applySchemas } from '@vault-engine/contracts/apply-schemas';
import { openLocalWrapper } from '@vault-engine/kms';
import type { EngineEntry } from '@vault-engine/protocol';
import { openWorld } from '@vault-engine/world';
import { administerEngines, type EngineAdministration } from '../administer.ts';
import { toRecord } from '../entry-codec.ts';
import type { EntryFault } from '../read-entry.ts';
import { type EngineTable, followEngines, type TableParts } from '../table.ts';

/** A follower of the table, and the messages that it rejected. */
export interface Observed {
  readonly table: EngineTable;
  readonly refused: { engine: string; reason: EntryFault }[];
}

/** A world with the table's topic and the operations of the tests. `close` closes everything that it opened. */
export const openEnginesWorld = async () => {
  const world = await openWorld();
  const folder = await mkdtemp(join(tmpdir(), 'vault-engines-'));
  const bus = connectBus({ brokers: world.brokers, clientId: `${world.topicPrefix}engines` });
  const topic = topicNames(world.topicPrefix).engines;
  const specs = topicSpecs({ prefix: world.topicPrefix, engines: [], environment: 'development' });
  await applyTopics(
    bus,
    specs.filter(({ name }) => name === topic),
    { replicationFactor: 1 },
  );
  await applySchemas(world.registryUrl);
  const codec = await openCodec({ registryUrl: world.registryUrl });
  const publisher = createPublisher(bus);
  const wrapper = await openLocalWrapper({ keyFile: join(folder, 'local.key'), create: true });
  const opened: { close(): Promise<void> }[] = [];

  const parts: TableParts = {
    bus,
    codec,
    topic,
    wrapper,
    environment: 'development',
    onRefused: () => undefined,
    onWaiting: () => undefined,
    onFatal: (error) => {
      throw error;
    },
  };
  const send = (key: string, value: Buffer | null) => publisher.send({ topic, key: Buffer.from(key), value });

  return {
    wrapper,
    administer: async (): Promise<EngineAdministration> => {
      const administration = await administerEngines({ ...parts, codec, publisher, now: Date.now });
      opened.push(administration);
      return administration;
    },
    follow: async (over: Partial<TableParts> = {}): Promise<Observed> => {
      const refused: Observed['refused'] = [];
      const onRefused: TableParts['onRefused'] = (engine, reason) => void refused.push({ engine, reason });
      const table = await followEngines({ ...parts, onRefused, ...over });
      opened.push(table);
      return { table, refused };
    },
    /** Writes to the topic without checks, as any principal with write access could. */
    send,
    sendEntry: (entry: EngineEntry, key = entry.engine) => send(key, codec.encode('EngineEntry', toRecord(entry))),
    /** The last message of a key, which compaction keeps. */
    lastOf: async (key: string): Promise<Buffer | null> => {
      let last: Buffer | null = null;
      for await (const record of readTopic(bus, topic)) if (record.key?.toString() === key) last = record.value;
      return last;
    },
    encode: (entry: EngineEntry): Buffer => codec.encode('EngineEntry', toRecord(entry)),
    close: async (): Promise<void> => {
      for (const one of opened) await one.close();
      await publisher.close();
      await world.close();
      await rm(folder, { recursive: true });
    },
  };
};
