import { setTimeout as sleep } from 'node:timers/promises';
import { type AssembledVault, assembleVault } from '@vault-engine/assembly';
import { openAttempts, openEngineTable } from '@vault-engine/assembly/open-engines';
import {
  type BusRecord,
  createPublisher,
  deadLetterHeaders,
  type KeyedConsumerOptions,
  type Publisher,
  startKeyedConsumer,
} from '@vault-engine/bus';
import { COMMAND_RETENTION_MS, GATEWAY, type TopicNames } from '@vault-engine/contracts';
import { every, type Log, observeConsumer, runService, type ServiceContext } from '@vault-engine/runtime';
import { drainPending } from '@vault-engine/vault';
import { expectedPartition } from './command-partition.ts';
import { readWorkerConfig, type WorkerConfig } from './config.ts';
import { arrivesLate } from './deadline.ts';
import { limitInFlight } from './in-flight.ts';
import { notifyUnauthenticated } from './notify-unauthenticated.ts';
import { observe } from './observe.ts';
import { rateLimit } from './rate-limit.ts';
import { keepRefusals } from './refusals.ts';
import { countPartitions, replyPartitions } from './reply-address.ts';
import { type CommandParts, serveCommand } from './serve-command.ts';

type Context = ServiceContext<WorkerConfig>;

const GROUP = 'vault.command-worker';
const DRAIN_ON_STOP_MS = 10_000;

const start = async (context: Context): Promise<void> => {
  const assembled = await assembleVault(context, { clientId: 'command-worker', env: process.env });
  const { bus, topics } = assembled;
  const replies = await openPublisher(context, assembled, 'replies');
  const deadLetters = await openPublisher(context, assembled, 'dead-letters');
  const table = await openEngineTable(context, { ...assembled, topic: topics.engines });
  await drainAgainAndAgain(context, assembled);
  const attempts = await openAttempts(context, assembled.vault.journal);

  const partitionCount = replyPartitions(bus, Date.now);
  const replyTopics = { ofEngine: topics.replies, gateway: topics.replies(GATEWAY) };
  const notice = { ...assembled, replies, topics: replyTopics, partitionCount, now: Date.now };
  const admission = { now: Date.now, retentionMs: COMMAND_RETENTION_MS, takeToken: rateLimit() };
  const parts: CommandParts = {
    ...assembled,
    table,
    replies,
    topics: replyTopics,
    partitionCount,
    inFlight: limitInFlight(context.config.inFlight),
    expectedPartition: expectedPartition({
      count: () => countPartitions(bus, topics.commands),
      note: assembled.vault.store.notePartitions,
      now: Date.now,
      retentionMs: COMMAND_RETENTION_MS,
      sleep,
    }),
    admission,
    refusals: keepRefusals(assembled.vault),
    attempts,
    notify: notifyUnauthenticated(notice),
    onServed: observe(context, () => table.all().map(({ open }) => open.engine)),
  };
  await consumeCommands(context, assembled, parts, deadLetters);
};

const openPublisher = ({ part }: Context, { bus }: AssembledVault, name: string): Promise<Publisher> =>
  part(
    name,
    () => createPublisher(bus),
    (open) => open.close(),
  );

/** Publishes the pending transitions of workers that died or lost Kafka. */
const drainAgainAndAgain = async ({ config, log, part }: Context, { vault }: AssembledVault): Promise<void> => {
  const { afterMs } = config.drain;
  const onError = (error: unknown): void => log.warn('background task failed', { part: 'drain', error });
  await part(
    'drain',
    () => every(afterMs / 2, () => drainPending(vault, afterMs), onError),
    (task) => task.stop(),
  );
};

const consumeCommands = async (
  context: Context,
  { bus, topics }: AssembledVault,
  parts: CommandParts,
  deadLetters: Publisher,
): Promise<void> => {
  const { config, log, part, fatal } = context;
  const groupId = `${config.kafka.topicPrefix}${GROUP}`;
  const consumer = await part(
    'commands',
    () =>
      startKeyedConsumer(bus, {
        groupId,
        topics: [topics.commands],
        ...config.keyedConsumer,
        ordered: (record) => !arrivesLate(record, Date.now()),
        handle: serveCommand(parts),
        deadLetter: moveToDeadLetterTopic(topics, deadLetters, groupId, log),
        ...reportsTo(log),
        onFatal: fatal,
      }),
    async (keyedConsumer) => {
      const { drained, committed } = await keyedConsumer.stop({ drainMs: DRAIN_ON_STOP_MS });
      if (!drained || !committed)
        log.warn('stopped with unfinished commands, they will be redelivered', {
          state: `drained ${drained}, committed ${committed}`,
        });
    },
  );
  observeConsumer(context, 'commands', consumer);
};

const moveToDeadLetterTopic =
  (topics: TopicNames, deadLetters: Publisher, groupId: string, log: Log): KeyedConsumerOptions['deadLetter'] =>
  async (record: BusRecord, reason: string) => {
    const { key, value, partition, offset } = record;
    const headers = deadLetterHeaders(record, groupId, reason);
    await deadLetters.send({ topic: topics.commandsDlt, key, value, headers });
    log.warn('record moved to the dead-letter topic', { partition, offset: String(offset), reason });
  };

const reportsTo = (log: Log): Pick<KeyedConsumerOptions, 'onError' | 'onOffsetReset'> => ({
  onError: (error, { partition, offset }) =>
    log.error('command failed, it will be retried', { error, partition, offset: String(offset) }),
  onOffsetReset: ({ topic, partition, from, to }) =>
    log.error('consumer offset out of range; commands may have been skipped or will be repeated', {
      topic,
      partition,
      offset: String(from),
      reason: `moved to ${to}`,
    }),
});

await runService({ name: 'command-worker', config: () => readWorkerConfig(process.env), start });
