import {
  applyTopics,
  authorizedOperations,
  type Bus,
  checkTopics,
  type TopicChange,
  type TopicDeclaration,
} from '@vault-engine/bus';
import { topicSpecs } from '@vault-engine/contracts';
import type { Command } from 'commander';
import { announcePlan, audited } from './audited-change.ts';
import { type CommandContext, openBus } from './command-context.ts';
import type { TopicsConfig } from './config.ts';
import { CliFailure } from './failure.ts';
import { wholeNumber } from './parse-arguments.ts';
import { readPolicies } from './policies.ts';
import { json, type Terminal } from './terminal.ts';

interface TopicsOptions {
  readonly grants: string;
  readonly json?: boolean;
}

/** `topics check` and `topics apply`: the declared topics, including one reply topic per engine. */
export const addTopics = (program: Command, context: CommandContext): void => {
  const topics = program.command('topics').description('topics of the brokers and of the declaration');
  const { terminal, grantsFile } = context;
  topics
    .command('check')
    .description('report differences; exit code 1 if there are any')
    .option('--grants <file>', 'engines whose reply topics are included', grantsFile)
    .option('--json', 'print JSON')
    .action(async (options: TopicsOptions) => {
      const config = context.config.topics();
      const [bus, specs] = [openBus(config.kafka), await specsOf(config, options)];
      await requireVisible(bus, specs);
      const changes = await checkTopics(bus, specs);
      printChanges(terminal, changes, options, describe);
      if (changes.length > 0)
        throw new CliFailure('the topics differ; npm run vault -- topics apply creates and changes them');
    });
  topics
    .command('apply')
    .description('create missing topics and change differing settings; audited')
    .option('--grants <file>', 'engines whose reply topics are included', grantsFile)
    .option('--replication-factor <n>', 'replication factor of new topics; default: 3 in production, 1 in development')
    .option('--dry-run', 'print the changes without making them')
    .option('--json', 'print JSON')
    .action((options: ApplyOptions) => apply(context, options));
};

interface ApplyOptions extends TopicsOptions {
  readonly replicationFactor?: string;
  readonly dryRun?: boolean;
}

const apply = async ({ terminal, config: configs }: CommandContext, options: ApplyOptions): Promise<void> => {
  const config = configs.auditedTopics();
  const { replicationFactor: factor } = options;
  const replicationFactor =
    factor === undefined ? defaultReplication(config) : wholeNumber('--replication-factor', factor, 1, 99);
  const [bus, specs] = [openBus(config.kafka), await specsOf(config, options)];
  await requireVisible(bus, specs);
  const changes = await checkTopics(bus, specs);
  if (options.dryRun || changes.length === 0) return printChanges(terminal, changes, options, describe);
  announcePlan(terminal, changes.map(describe));
  const subject = `${changes.length} changes`;
  const made = await audited(config, { action: 'topics.apply', subject }, { terminal, createsAuditLog: true }, () =>
    applyTopics(bus, specs, { replicationFactor }),
  );
  printChanges(terminal, made, options, describeDone);
};

/** A listing of all topics leaves out the ones that the principal may not see. They must not be reported as missing. */
const requireVisible = async (bus: Bus, specs: readonly TopicDeclaration[]): Promise<void> => {
  const { topics } = await authorizedOperations(bus, { topics: specs.map(({ name }) => name), groups: [] });
  const hidden = specs.map(({ name }) => name).filter((name) => topics.get(name)?.state === 'hidden');
  if (hidden.length > 0)
    throw new CliFailure(
      `the principal lacks DESCRIBE on ${hidden.join(', ')}; npm run vault -- acls print operator prints the commands that grant it`,
    );
};

/** Creates the reply topic of each engine if it is missing. */
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

const printChanges = (
  terminal: Terminal,
  changes: readonly TopicChange[],
  options: TopicsOptions,
  line: (change: TopicChange) => string,
): void => {
  if (options.json) terminal.out(json(changes));
  else if (changes.length === 0) terminal.out('all topics match the declaration');
  else for (const change of changes) terminal.out(line(change));
};

const describe = (change: TopicChange): string =>
  change.kind === 'create' ? `${change.topic}: missing` : describeSetting(change);

const describeDone = (change: TopicChange): string =>
  change.kind === 'create' ? `${change.topic}: created` : describeSetting(change);

const describeSetting = (change: Exclude<TopicChange, { kind: 'create' }>): string =>
  `${change.topic}: ${change.kind === 'config' ? change.name : 'partitions'} ${change.from ?? 'not set'} → ${change.to}`;
