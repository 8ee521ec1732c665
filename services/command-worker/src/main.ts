import { randomUUID } from 'node:crypto';
import { assembleVault } from '@vault-engine/assembly';
import { countAttempts } from '@vault-engine/audit';
import {
  type BusRecord,
  createPublisher,
  deadLetterHeaders,
  type Publisher,
  startKeyedConsumer,
} from '@vault-engine/bus';
import { COMMAND_RETENTION_MS, GATEWAY } from '@vault-engine/contracts';
import { followEngines } from '@vault-engine/engines';
import { every, runService, type ServiceContext } from '@vault-engine/runtime';
import { drainPending } from '@vault-engine/vault';
import { readWorkerConfig, type WorkerConfig } from './config.ts';
import { notifyUnauthenticated } from './notify-unauthenticated.ts';
import { observe } from './observe.ts';
import { rateLimit } from './rate-limit.ts';
import { replyPartitions } from './reply-partitions.ts';
import { serveCommand } from './serve-command.ts';
import { arrivesLate } from './time-left.ts';

const GROUP = 'vault.command-worker';
const COUNT_EVERY_MS = 60_000;
const DRAIN_ON_STOP_MS = 10_000;

const start = async (context: ServiceContext<WorkerConfig>): Promise<void> => {
  const { config, log, part, fatal } = context;
  const { vault, refresher, wrapper, codec, bus, topics } = await assembleVault(context, {
    clientId: 'command-worker',
    env: process.env,
  });
  const publisher = (name: string): Promise<Publisher> =>
    part(
      name,
      () => createPublisher(bus),
      (open) => open.close(),
    );
  const [replies, deadLetters] = [await publisher('replies'), await publisher('dead-letters')];
  const table = await part(
    'engines',
    () =>
      followEngines({
        bus,
        codec,
        topic: topics.engines,
        wrapper,
        environment: config.environment,
        onFatal: fatal,
        onRefused: (engine, reason) => log.error('an entry of the table of engines is refused', { engine, reason }),
        onWaiting: (engine, error) => log.warn('an entry of the table of engines waits', { engine, error }),
      }),
    (open) => open.close(),
  );
  const partitionCount = replyPartitions(bus, Date.now);
  const replyTopics = { ofEngine: topics.replies, gateway: topics.replies(GATEWAY) };
  const attempts = countAttempts({ journal: vault.journal, now: Date.now, uuid: randomUUID });
  const behind = (task: string) => (error: unknown) =>
    log.warn('a task in the background failed', { part: task, error });
  await part(
    'drain',
    () => every(config.drain.afterMs / 2, () => drainPending(vault, config.drain.afterMs), behind('drain')),
    (task) => task.stop(),
  );
  await part(
    'attempts',
    () => every(COUNT_EVERY_MS, () => attempts.flush(), behind('attempts')),
    async (task) => {
      await task.stop();
      await attempts.flush();
    },
  );

  const groupId = `${config.kafka.topicPrefix}${GROUP}`;
  const moveToDeadLetterTopic = async (record: BusRecord, reason: string): Promise<void> => {
    const { key, value, partition, offset } = record;
    const headers = deadLetterHeaders(record, groupId, reason);
    await deadLetters.send({ topic: topics.commandsDlt, key, value, headers });
    log.warn('a record is poison and lies with the dead letters', { partition, offset: String(offset), reason });
  };
  await part(
    'commands',
    () =>
      startKeyedConsumer(bus, {
        groupId,
        topics: [topics.commands],
        ...config.keyedConsumer,
        ordered: (record) => !arrivesLate(record, Date.now()),
        handle: serveCommand({
          vault,
          refresher,
          table,
          codec,
          replies,
          topics: replyTopics,
          partitionCount,
          admission: { now: Date.now, retentionMs: COMMAND_RETENTION_MS, takeToken: rateLimit() },
          attempts,
          notify: notifyUnauthenticated({ codec, replies, topics: replyTopics, partitionCount, now: Date.now }),
          onServed: observe(context),
        }),
        deadLetter: moveToDeadLetterTopic,
        onError: (error, { partition, offset }) =>
          log.error('a command failed and is tried again', { error, partition, offset: String(offset) }),
        onOffsetReset: ({ topic, partition, from, to }) =>
          log.error('commands are lost or come again: the position was out of range', {
            topic,
            partition,
            offset: String(from),
            reason: `moved to ${to}`,
          }),
        onFatal: fatal,
      }),
    async (keyedConsumer) => {
      const { drained, committed } = await keyedConsumer.stop({ drainMs: DRAIN_ON_STOP_MS });
      if (!drained || !committed)
        log.warn('stopped with commands unfinished: they come again', {
          state: `drained ${drained}, committed ${committed}`,
        });
    },
  );
};

await runService({ name: 'command-worker', config: () => readWorkerConfig(process.env), start });
