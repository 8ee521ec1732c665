import { applyTopics, checkTopics, type TopicChange, type TopicDeclaration } from '@vault-engine/bus';
import { topicSpecs } from '@vault-engine/contracts';
import type { Command } from 'commander';
import type { CommandContext } from './command-context.ts';
import type { TopicsConfig } from './config.ts';
import { CliFailure } from './failure.ts';
import { openBus } from './open-bus.ts';
import { wholeNumber } from './parse-arguments.ts';
import { readPolicies } from './read-policies.ts';
import { json, type Terminal } from './terminal.ts';

interface TopicsOptions {
  readonly grants: string;
  readonly json?: boolean;
}

/** `topics check` and `topics apply`: the topics of the declaration, one for the replies to each engine included. */
export const addTopics = (program: Command, context: CommandContext): void => {
  const topics = program.command('topics').description('the topics, as they are and as they are declared');
  const { terminal, grantsFile } = context;
  topics
    .command('check')
    .description('name what differs; exit code 1 where something does')
    .option('--grants <file>', 'the engines, each of which has a topic for replies', grantsFile)
    .option('--json', 'as JSON')
    .action(async (options: TopicsOptions) => {
      const config = context.config.topics();
      const changes = await checkTopics(openBus(config.kafka), await specsOf(config, options));
      tell(terminal, changes, options, describe);
      if (changes.length > 0) throw new CliFailure('the topics differ; npm run vault -- topics apply makes them alike');
    });
  topics
    .command('apply')
    .description('create what is missing and set what differs')
    .option('--grants <file>', 'the engines, each of which has a topic for replies', grantsFile)
    .option('--replication-factor <n>', 'of topics that are created; 3 in production, 1 in development')
    .option('--json', 'as JSON')
    .action(async (options: TopicsOptions & { readonly replicationFactor?: string }) => {
      const config = context.config.topics();
      const { replicationFactor: asked } = options;
      const replicationFactor =
        asked === undefined ? defaultReplication(config) : wholeNumber('--replication-factor', asked, 1, 99);
      const specs = await specsOf(config, options);
      tell(terminal, await applyTopics(openBus(config.kafka), specs, { replicationFactor }), options, describeDone);
    });
};

/** Makes sure that there is a topic for the replies to each of `engines`. */
export const ensureReplyTopics = async (
  config: TopicsConfig,
  engines: readonly string[],
  terminal: Terminal,
): Promise<void> => {
  const { environment, kafka } = config;
  const all = topicSpecs({ prefix: kafka.topicPrefix, environment, engines });
  const others = new Set(topicSpecs({ prefix: kafka.topicPrefix, environment, engines: [] }).map(({ name }) => name));
  const specs = all.filter(({ name }) => !others.has(name));
  const changes = await applyTopics(openBus(kafka), specs, { replicationFactor: defaultReplication(config) });
  for (const change of changes) terminal.note(describeDone(change));
};

const defaultReplication = ({ environment }: TopicsConfig): number => (environment === 'production' ? 3 : 1);

const specsOf = async (
  { environment, kafka }: TopicsConfig,
  { grants }: TopicsOptions,
): Promise<readonly TopicDeclaration[]> => {
  const engines = [...(await readPolicies(grants)).keys()];
  return topicSpecs({ prefix: kafka.topicPrefix, engines, environment });
};

const tell = (
  terminal: Terminal,
  changes: readonly TopicChange[],
  options: TopicsOptions,
  line: (change: TopicChange) => string,
): void => {
  if (options.json) terminal.out(json(changes));
  else if (changes.length === 0) terminal.out('all topics are as declared');
  else for (const change of changes) terminal.out(line(change));
};

const describe = (change: TopicChange): string =>
  change.kind === 'create' ? `${change.topic}: is missing` : describeSetting(change);

const describeDone = (change: TopicChange): string =>
  change.kind === 'create' ? `${change.topic}: created` : describeSetting(change);

const describeSetting = (change: Exclude<TopicChange, { kind: 'create' }>): string =>
  `${change.topic}: ${change.kind === 'config' ? change.name : 'partitions'} ${change.from ?? 'not set'} → ${change.to}`;
