import { randomUUID } from 'node:crypto';
import { fileURLToPath } from 'node:url';
import { countAttempts, kafkaJournal } from '@vault-engine/audit';
import {
  type BusRecord,
  connectBus,
  createPublisher,
  deadLetterHeaders,
  type Publisher,
  type PublisherOptions,
  startLanes,
} from '@vault-engine/bus';
import { COMMAND_RETENTION_MS, GATEWAY, openCodec, topicNames } from '@vault-engine/contracts';
import { followEngines } from '@vault-engine/engines';
import { createDataKeys, openWrapper } from '@vault-engine/kms';
import {
  openCatalog,
  openOutbound,
  openProviders,
  openSharedRate,
  readClientCredentials,
} from '@vault-engine/platforms';
import { driverLog, every, runService, type ServiceContext } from '@vault-engine/runtime';
import { openRedisStore } from '@vault-engine/token-store';
import { drainPending, type Vault } from '@vault-engine/vault';
import { readWorkerConfig, type WorkerConfig } from './config.ts';
import { hintStrangers } from './hint-strangers.ts';
import { observe } from './observe.ts';
import { rateLimit } from './rate-limit.ts';
import { replyPartitions } from './reply-partitions.ts';
import { serveCommand } from './serve-command.ts';
import { arrivesLate } from './time-left.ts';

const GROUP = 'vault.command-worker';
const PROFILES = fileURLToPath(new URL('../../../platform-profiles', import.meta.url));
/** Outcomes are remembered longer than a command can be read again: its retention, and what of a segment outlasts it. */
const REMEMBER_MS = 2 * COMMAND_RETENTION_MS;
const COUNT_EVERY_MS = 60_000;
/** How long one attempt of a command waits for its audit record and events, as it does for the store: callers want an answer. */
const JOURNAL_MS = 1_500;
const DRAIN_ON_STOP_MS = 10_000;

const start = async (context: ServiceContext<WorkerConfig>): Promise<void> => {
  const { config, log, part, watch, fatal } = context;
  const topics = topicNames(config.kafka.topicPrefix);
  const platforms = await openCatalog([PROFILES, ...config.profiles.folders], config.profiles);
  const wrapper = await part('keys', () => openWrapper(config.key));
  const codec = await part('registry', () => openCodec({ registryUrl: config.registry.url }));
  const store = await part(
    'storage',
    () =>
      openRedisStore({
        url: config.redis.url,
        keyPrefix: config.redis.keyPrefix,
        waitReplicas: config.redis.waitReplicas,
        requireDurable: config.environment === 'production',
        log,
      }),
    (open) => open.close(),
  );
  watch('storage', () => store.probe());

  const bus = connectBus({ ...config.kafka, clientId: 'command-worker', log: driverLog(log) });
  const publisher = (name: string, options?: PublisherOptions): Promise<Publisher> =>
    part(
      name,
      () => createPublisher(bus, options),
      (open) => open.close(),
    );
  const [auditTo, eventsTo, replies, deadLetters] = [
    await publisher('audit-log', { sendTimeoutMs: JOURNAL_MS }),
    await publisher('connection-events', { sendTimeoutMs: JOURNAL_MS }),
    await publisher('replies'),
    await publisher('dead-letters'),
  ];
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

  const outbound = await part(
    'providers',
    async () => openOutbound(config.profiles),
    async (open) => open.close(),
  );
  const rate = await part(
    'rate',
    async () => openSharedRate(config.redis),
    (open) => open.close(),
  );
  const clients = readClientCredentials(
    process.env,
    platforms.all().map(({ id }) => id),
  );

  const vault: Vault = {
    store,
    keys: createDataKeys({ wrapper, env: config.environment }),
    journal: kafkaJournal({
      codec,
      auditTo,
      eventsTo,
      auditTopic: topics.auditLog,
      eventsTopic: topics.connectionEvents,
    }),
    platforms,
    providers: openProviders({ catalog: platforms, clients, outbound, rate, now: Date.now, random: Math.random }),
    now: Date.now,
    uuid: randomUUID,
    rememberMs: REMEMBER_MS,
  };
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
  const bury = async (record: BusRecord, reason: string): Promise<void> => {
    const { key, value, partition, offset } = record;
    const headers = deadLetterHeaders(record, groupId, reason);
    await deadLetters.send({ topic: topics.commandsDlt, key, value, headers });
    log.warn('a record is poison and lies with the dead letters', { partition, offset: String(offset), reason });
  };
  await part(
    'commands',
    () =>
      startLanes(bus, {
        groupId,
        topics: [topics.commands],
        ...config.lanes,
        ordered: (record) => !arrivesLate(record, Date.now()),
        handle: serveCommand({
          vault,
          table,
          codec,
          replies,
          topics: replyTopics,
          partitionCount,
          admission: { now: Date.now, retentionMs: COMMAND_RETENTION_MS, takeToken: rateLimit() },
          attempts,
          hint: hintStrangers({ codec, replies, topics: replyTopics, partitionCount, now: Date.now }),
          onServed: observe(context),
        }),
        deadLetter: bury,
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
    async (lanes) => {
      const { drained, committed } = await lanes.stop({ drainMs: DRAIN_ON_STOP_MS });
      if (!drained || !committed)
        log.warn('stopped with commands unfinished: they come again', {
          state: `drained ${drained}, committed ${committed}`,
        });
    },
  );
};

await runService({ name: 'command-worker', config: () => readWorkerConfig(process.env), start });
