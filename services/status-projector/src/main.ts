import { openStore } from '@vault-engine/assembly/open-store';
import { type Bus, connectBus, createPublisher, type OffsetReset, startKeyedConsumer } from '@vault-engine/bus';
import { type Codec, openCodec, type TopicNames, topicNames } from '@vault-engine/contracts';
import { driverLog, every, type Log, runService, type ServiceContext } from '@vault-engine/runtime';
import { followStates, StateMarks } from '@vault-engine/state';
import { openProjection, type Projection } from '@vault-engine/state/projecting';
import type { TokenStore } from '@vault-engine/vault';
import { type ProjectorConfig, readProjectorConfig } from './config.ts';
import { followEvent } from './follow-event.ts';
import { type Observed, observe } from './observe.ts';
import { reconcile } from './reconcile.ts';
import { republishSuperseded } from './republish-superseded.ts';

type Context = ServiceContext<ProjectorConfig>;

/** What the parts of the service share. */
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
/** Longer than it takes to read back what was published, so that hardly anything is renewed twice. */
const REPUBLISH_EVERY_MS = 300;
const DRAIN_ON_STOP_MS = 10_000;

/** The topic is read whole before anything is written: what it shows decides what has to be published. */
const start = async (context: Context): Promise<void> => {
  const shared = await share(context);
  await readStates(context, shared);
  await republishAgainAndAgain(context, shared);
  await reconcileAgainAndAgain(context, shared);
  await followEvents(context, shared);
};

const share = async (context: Context): Promise<Shared> => {
  const { config, log, part } = context;
  const topics = topicNames(config.kafka.topicPrefix);
  const codec = await part('registry', () => openCodec({ registryUrl: config.registry.url }));
  const store = await openStore(context);
  const bus = connectBus({ ...config.kafka, clientId: 'status-projector', log: driverLog(log) });
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
  const observed = observe(context, { users: () => marks.size, buried: () => marks.buried().size }, Date.now);
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
          log.error('a message of the state topic does not read', { partition, offset: String(offset) });
        },
        onReset: (reset) => {
          log.error('the state topic begins anew', fieldsOf(reset));
          marks.clear();
        },
        onFatal: fatal,
      }),
    (open) => open.close(),
  );
  await states.ready;
};

/** What zombies wrote, also while nobody looked. */
const republishAgainAndAgain = async (context: Context, { marks, projection, observed }: Shared): Promise<void> => {
  const { part, log, stopping: signal } = context;
  const onError = behind(log, 'renewing');
  const republish = () =>
    republishSuperseded({
      marks,
      republish: projection.republish,
      onRepublished: observed.republished,
      onError,
      signal,
    });
  await part(
    'renewing',
    () => every(REPUBLISH_EVERY_MS, republish, onError),
    (task) => task.stop(),
  );
};

const reconcileAgainAndAgain = async (
  context: Context,
  { store, marks, projection, observed }: Shared,
): Promise<void> => {
  const { part, log, config, stopping: signal } = context;
  const walk = async (): Promise<void> => {
    const began = performance.now();
    await reconcile({ ...config.reconcile, store, marks, projection, onMended: observed.mended, signal });
    observed.reconciled(performance.now() - began);
  };
  const onError = behind(log, 'reconciliation');
  await part(
    'reconciliation',
    () => every(config.reconcile.everyMs, walk, (error) => (signal.aborted ? undefined : onError(error))),
    (task) => task.stop(),
  );
};

const followEvents = async ({ part, log, config, fatal }: Context, shared: Shared): Promise<void> => {
  const { bus, codec, topics, projection, observed } = shared;
  const events = {
    codec,
    projection,
    onFollowed: observed.followed,
    onUnreadable: () => observed.unreadable('events'),
  };
  await part(
    'connection-events',
    () =>
      startKeyedConsumer(bus, {
        groupId: `${config.kafka.topicPrefix}${GROUP}`,
        topics: [topics.connectionEvents],
        ...config.keyedConsumer,
        handle: (record) => followEvent(events, record),
        deadLetter: async (_record, reason) =>
          log.error('an event is given up: the reconciliation mends what it changed', { reason }),
        onError: (error, { partition, offset }) =>
          log.error('an event failed and is tried again', { error, partition, offset: String(offset) }),
        onOffsetReset: (reset) =>
          log.error('events are lost or come again: the position was out of range', fieldsOf(reset)),
        onFatal: fatal,
      }),
    async (keyedConsumer) => {
      const { drained, committed } = await keyedConsumer.stop({ drainMs: DRAIN_ON_STOP_MS });
      if (!drained || !committed)
        log.warn('stopped with events unfinished: they come again', {
          state: `drained ${drained}, committed ${committed}`,
        });
    },
  );
};

const behind =
  (log: Log, task: string) =>
  (error: unknown): void =>
    log.warn('a task in the background failed', { part: task, error });

const fieldsOf = ({ topic, partition, from, to }: OffsetReset) => ({
  topic,
  partition,
  offset: String(from),
  reason: `moved to ${to}`,
});

await runService({ name: 'status-projector', config: () => readProjectorConfig(process.env), start });
