import { openStore } from '@vault-engine/assembly/open-store';
import { watchTopics } from '@vault-engine/assembly/watch-topics';
import { type Bus, connectBus, createPublisher, type OffsetReset, startKeyedConsumer } from '@vault-engine/bus';
import { type Codec, openCodec, type TopicNames, topicNames } from '@vault-engine/contracts';
import { driverLog, every, type Log, observeConsumer, runService, type ServiceContext } from '@vault-engine/runtime';
import { followStates } from '@vault-engine/state';
import { openProjection, type Projection, StateMarks } from '@vault-engine/state/projecting';
import type { TokenStore } from '@vault-engine/vault';
import { type ProjectorConfig, readProjectorConfig } from './config.ts';
import { followEvent } from './follow-event.ts';
import { type Observed, observe } from './observe.ts';
import { reconcile } from './reconcile.ts';
import { republishSuperseded } from './republish-superseded.ts';

type Context = ServiceContext<ProjectorConfig>;

/** Dependencies shared by the parts of the service. */
interface Shared {
  readonly bus: Bus;
  readonly codec: Codec;
  readonly topics: TopicNames;
  readonly store: TokenStore;
  readonly marks: StateMarks;
  readonly projection: Projection;
  readonly observed: Observed;
}

const GROUP = 'vault.status-projector';
/** Longer than it takes to read a published snapshot back, so that a user is rarely republished twice. */
const REPUBLISH_EVERY_MS = 300;
const DRAIN_TIMEOUT_MS = 10_000;

/** The state topic is read to its end before anything is published: its content decides what has to be published. */
const start = async (context: Context): Promise<void> => {
  const shared = await share(context);
  await watchTopics(context, shared.bus, ['connectionEvents', 'connectionState']);
  await readStates(context, shared);
  await republishPeriodically(context, shared);
  await reconcilePeriodically(context, shared);
  await followEvents(context, shared);
};

const share = async (context: Context): Promise<Shared> => {
  const { config, log, part } = context;
  const topics = topicNames(config.kafka.topicPrefix);
  const codec = await part('registry', () => openCodec({ registryUrl: config.registry.url }));
  const store = await openStore(context);
  const bus = connectBus({ ...config.kafka, clientId: 'status-projector', log: driverLog(log) });
  context.watch('kafka-rights', () => bus.probe());
  const publisher = await part(
    'publisher',
    () => createPublisher(bus),
    (open) => open.close(),
  );
  const marks = new StateMarks(Date.now);
  const projection = openProjection({
    store,
    codec,
    publisher,
    topic: topics.connectionState,
    marks,
    now: Date.now,
  });
  const observed = observe(context, { users: () => marks.size, superseded: () => marks.buried().size }, Date.now);
  return { bus, codec, topics, store, marks, projection, observed };
};

const readStates = async ({ part, log, fatal }: Context, shared: Shared): Promise<void> => {
  const { bus, codec, topics, marks, observed } = shared;
  const states = await part(
    'connection-state',
    () =>
      followStates({
        bus,
        codec,
        topic: topics.connectionState,
        onRecord: (record, { partition, offset }) => {
          marks.take(record);
          if (record.kind === 'snapshot' || record.kind === 'tombstone') return;
          observed.unreadable('state');
          log.error('connection-state record unreadable', { partition, offset: String(offset) });
        },
        onReset: (reset) => {
          log.error('connection-state offset out of range; topic read again from its beginning', fieldsOf(reset));
          marks.clear();
        },
        onFatal: fatal,
      }),
    (open) => open.close(),
  );
  await states.ready;
};

/** Snapshots that were superseded by an outdated or unreadable record, at start and while running. */
const republishPeriodically = async (context: Context, { marks, projection, observed }: Shared): Promise<void> => {
  const { part, log, stopping: signal } = context;
  const onError = taskFailed(log, 'republication');
  const republish = () =>
    republishSuperseded({
      marks,
      republish: projection.republish,
      onRepublished: observed.republished,
      onError,
      signal,
    });
  await part(
    'republication',
    () => every(REPUBLISH_EVERY_MS, republish, onError),
    (task) => task.stop(),
  );
};

const reconcilePeriodically = async (
  context: Context,
  { store, marks, projection, observed }: Shared,
): Promise<void> => {
  const { part, log, config, stopping: signal } = context;
  const reconcileOnce = async (): Promise<void> => {
    const startedAt = performance.now();
    await reconcile({ ...config.reconcile, store, marks, projection, onMended: observed.mended, signal });
    observed.reconciled(performance.now() - startedAt);
  };
  const onError = taskFailed(log, 'reconciliation');
  await part(
    'reconciliation',
    () => every(config.reconcile.everyMs, reconcileOnce, (error) => (signal.aborted ? undefined : onError(error))),
    (task) => task.stop(),
  );
};

const followEvents = async (context: Context, shared: Shared): Promise<void> => {
  const { part, log, config, fatal } = context;
  const { bus, codec, topics, projection, observed } = shared;
  const events = {
    codec,
    projection,
    onFollowed: observed.followed,
    onUnreadable: () => observed.unreadable('events'),
  };
  const consumer = await part(
    'connection-events',
    () =>
      startKeyedConsumer(bus, {
        groupId: `${config.kafka.topicPrefix}${GROUP}`,
        topics: [topics.connectionEvents],
        ...config.keyedConsumer,
        handle: (record) => followEvent(events, record),
        deadLetter: async (_record, reason) =>
          log.error('connection event skipped; reconciliation will correct the snapshot', { reason }),
        onError: (error, { partition, offset }) =>
          log.error('connection event failed; retrying', { error, partition, offset: String(offset) }),
        onOffsetReset: (reset) =>
          log.error('connection-events offset out of range; events may have been skipped or repeated', fieldsOf(reset)),
        onFatal: fatal,
      }),
    async (keyedConsumer) => {
      const { drained, committed } = await keyedConsumer.stop({ drainMs: DRAIN_TIMEOUT_MS });
      if (!drained || !committed)
        log.warn('stopped with unfinished events; they will be redelivered', {
          state: `drained ${drained}, committed ${committed}`,
        });
    },
  );
  observeConsumer(context, 'connection-events', consumer);
};

const taskFailed =
  (log: Log, task: string) =>
  (error: unknown): void =>
    log.warn('background task failed', { part: task, error });

const fieldsOf = ({ topic, partition, from, to }: OffsetReset) => ({
  topic,
  partition,
  offset: String(from),
  reason: `moved to ${to}`,
});

await runService({ name: 'status-projector', config: () => readProjectorConfig(process.env), start });
