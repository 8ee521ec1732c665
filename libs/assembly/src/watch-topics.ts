import { type Bus, checkTopics, type TopicChange, type TopicDeclaration } from '@vault-engine/bus';
import { type TopicKind, topicNames, topicSpecs } from '@vault-engine/contracts';
import { every, isOutage, type KafkaSettings, type ServiceConfig, type ServiceContext } from '@vault-engine/runtime';

/** What a service's configuration has that compares topics with their declaration. */
interface TopicsConfig extends ServiceConfig {
  readonly kafka: KafkaSettings;
}

const CHECK_EVERY_MS = 60_000;

/** A setting of a topic that is not the declared one. */
export type Difference = Extract<TopicChange, { readonly kind: 'config' }>;

/**
 * Compares the settings of a service's topics with their declaration, at the start and once a minute, as the part
 * `topic-settings`. A dangerous difference makes the service unready: the readiness names topic, setting and command.
 * Other differences are logged. A deployment whose principal may not read settings (DESCRIBE_CONFIGS) is not checked,
 * which is logged.
 */
export const watchTopics = async (
  context: ServiceContext<TopicsConfig>,
  bus: Bus,
  kinds: readonly Exclude<TopicKind, 'replies'>[],
  everyMs = CHECK_EVERY_MS,
): Promise<void> => {
  const { config, log, part, health } = context;
  const report = reportDifferences({ log, health });
  const specs = specsOf(config, kinds);
  const compare = async (): Promise<readonly Difference[]> => differencesIn(await checkTopics(bus, specs));
  const onError = (error: unknown): void => log.warn('topic settings not readable', { error, remedy: GRANT });
  let first: readonly Difference[] = [];
  await part(
    PART,
    async () => {
      first = await compare().catch((error: unknown) => {
        if (isOutage(error)) throw error;
        onError(error);
        return [];
      });
      return every(everyMs, async () => report(await compare()), onError);
    },
    (task) => task.stop(),
  );
  report(first);
};

const PART = 'topic-settings';
const GRANT = 'grant DESCRIBE_CONFIGS on the topics to the principal of the service';
const APPLY = 'run npm run vault -- topics apply';

const specsOf = (
  { kafka, environment }: TopicsConfig,
  kinds: readonly Exclude<TopicKind, 'replies'>[],
): readonly TopicDeclaration[] => {
  const names = topicNames(kafka.topicPrefix);
  const wanted = new Set(kinds.map((kind) => names[kind]));
  return topicSpecs({ prefix: kafka.topicPrefix, engines: [], environment }).filter(({ name }) => wanted.has(name));
};

const differencesIn = (changes: readonly TopicChange[]): readonly Difference[] =>
  changes.filter((change): change is Difference => change.kind === 'config' && change.from !== change.to);

/**
 * Whether a guarantee does not hold with the setting:
 * - `message.timestamp.type`: with CreateTime the sender chooses the time that freshness and deadlines are judged by;
 * - `cleanup.policy`: compaction drops records of a log, deletion those of a table;
 * - `min.insync.replicas`: with fewer, an acknowledged record may be lost with one broker;
 * - `compression.type`: with another codec than the declared one the broker keeps batches in any codec of a producer.
 */
export const isDangerous = ({ name, from, to }: Difference): boolean => {
  switch (name) {
    case 'message.timestamp.type':
    case 'cleanup.policy':
    case 'compression.type':
      return true;
    case 'min.insync.replicas':
      return Number(from) < Number(to);
    default:
      return false;
  }
};

/** Sets the part's state by the dangerous differences, and logs each difference once while it lasts. */
export const reportDifferences = ({
  log,
  health,
}: Pick<ServiceContext<unknown>, 'log' | 'health'>): ((differences: readonly Difference[]) => void) => {
  let before: ReadonlySet<string> = new Set();
  return (differences) => {
    for (const difference of differences) {
      if (before.has(textOf(difference))) continue;
      const fields = { topic: difference.topic, reason: textOf(difference), remedy: APPLY };
      if (isDangerous(difference)) log.error('dangerous topic setting', fields);
      else log.warn('topic setting differs from its declaration', fields);
    }
    before = new Set(differences.map(textOf));
    const dangerous = differences.filter(isDangerous);
    health.set(
      PART,
      dangerous.length === 0
        ? { state: 'ready' }
        : { state: 'waiting', reason: `${dangerous.map(textOf).join('; ')}; ${APPLY}` },
    );
  };
};

const textOf = ({ topic, name, from, to }: Difference): string =>
  `${topic} has ${name}=${from ?? 'unknown'} instead of ${to}`;
