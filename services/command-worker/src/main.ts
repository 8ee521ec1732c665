import { setTimeout as sleep } from 'node:timers/promises';
import { type AssembledVault, assembleVault } from '@vault-engine/assembly';
import { openAttempts, openEngineTable } from '@vault-engine/assembly/open-engines';
import { watchTopics } from '@vault-engine/assembly/watch-topics';
import { createPublisher, type KeyedConsumerOptions, type Publisher, startKeyedConsumer } from '@vault-engine/bus';
import { COMMAND_RETENTION_MS, GATEWAY } from '@vault-engine/contracts';
import { every, type Log, observeConsumer, runService, type ServiceContext } from '@vault-engine/runtime';
import { drainPending } from '@vault-engine/vault';
import { expectedPartition } from './command-partition.ts';
import { readWorkerConfig, type WorkerConfig } from './config.ts';
import { moveToDeadLetterTopic } from './dead-letters.ts';
import { arrivesLate } from './deadline.ts';
import { limitInFlight } from './in-flight.ts';
import { notifyUnauthenticated } from './notify-unauthenticated.ts';
import { observe, observeUnauthenticated } from './observe.ts';
import { rateLimit } from './rate-limit.ts';
import { keepRefusals } from './refusals.ts';
import { countPartitions, replyPartitions } from './reply-address.ts';
import { sampleUnauthenticated } from './sample-unauthenticated.ts';
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
  const engineIds = () => table.all().map(({ open }) => open.engine);
  const { perMinute } = context.config.samples;
  const groupId = `${context.config.kafka.topicPrefix}${GROUP}`;
  const sample = sampleUnauthenticated({ topic: topics.commandsDlt, groupId, perMinute, now: Date.now });
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
    onUnauthenticated: observeUnauthenticated(context, engineIds, sample, deadLetters),
    onServed: observe(context, engineIds, Date.now),
  };
  await watchTopics(context, bus, ['commands', 'commandsDlt', 'engines', 'auditLog', 'connectionEvents']);
  await consumeCommands(context, assembled, parts, deadLetters, groupId);
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
  groupId: string,
): Promise<void> => {
  const { config, log, part, fatal } = context;
  const deadLetterParts = {
    topic: topics.commandsDlt,
    groupId,
    deadLetters,
    log,
    batchesPerMinute: config.samples.perMinute,
    now: Date.now,
  };
  const consumer = await part(
    'commands',
    () =>
      startKeyedConsumer(bus, {
        groupId,
        topics: [topics.commands],
        ...config.keyedConsumer,
        ordered: (record) => !arrivesLate(record, Date.now()),
        handle: serveCommand(parts),
        deadLetter: moveToDeadLetterTopic(deadLetterParts, parts),
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
