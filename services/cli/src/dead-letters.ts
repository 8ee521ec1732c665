import { type Bus, type BusRecord, deleteRecordsBefore, readTopic, watermarks } from '@vault-engine/bus';
import { openCodec, topicNames } from '@vault-engine/contracts';
import type { Command } from 'commander';
import { audited, confirmRemoval } from './audited-change.ts';
import type { CommandContext } from './command-context.ts';
import { openBus } from './command-context.ts';
import type { DeadLettersConfig } from './config.ts';
import { type DeadLetterFacts, deadLetterFacts, deadLetterLine, deadLetterLines } from './describe-dead-letter.ts';
import { CliFailure } from './failure.ts';
import { type Position, position } from './parse-arguments.ts';
import { json } from './terminal.ts';

interface Options {
  readonly json?: boolean;
}

/** `dead-letters list|show|discard`: records that no worker could read. They are inspected and discarded, never resent. */
export const addDeadLetters = (program: Command, context: CommandContext): void => {
  const deadLetters = program
    .command('dead-letters')
    .description('inspect and discard the records of the dead-letter topic');
  deadLetters
    .command('list')
    .description('list the dead letters with position, origin and reason')
    .option('--json', 'print JSON')
    .action((options: Options) => list(context, options));
  deadLetters
    .command('show')
    .description('print one dead letter with its headers and bytes; audited')
    .argument('<position>', 'partition:offset, as printed by list')
    .option('--json', 'print JSON')
    .action((at: string, options: Options) => show(context, position('<position>', at), options));
  deadLetters
    .command('discard')
    .description('delete a dead letter and all earlier ones of its partition; audited')
    .argument('<position>', 'partition:offset, as printed by list')
    .option('--dry-run', 'print what would be deleted')
    .option('--yes', 'delete without asking')
    .action((at: string, options: DiscardOptions) => discard(context, position('<position>', at), options));
};

interface DiscardOptions {
  readonly dryRun?: boolean;
  readonly yes?: boolean;
}

const list = async ({ terminal, config }: CommandContext, options: Options): Promise<void> => {
  const { bus, topic } = open(config.deadLetters());
  const facts: DeadLetterFacts[] = [];
  for await (const record of readTopic(bus, topic)) facts.push(deadLetterFacts(record));
  facts.sort((a, b) => a.deadSince.localeCompare(b.deadSince));
  if (options.json) terminal.out(json(facts));
  else if (facts.length === 0) terminal.out('no dead letters');
  else for (const deadLetter of facts) terminal.out(deadLetterLine(deadLetter));
};

const show = async ({ terminal, config }: CommandContext, at: Position, options: Options): Promise<void> => {
  const settings = config.deadLetters();
  const { bus, topic } = open(settings);
  const record = await find(bus, topic, at);
  const codec = await openCodec({ registryUrl: settings.registry.url });
  const change = { action: 'dead-letters.show', subject: positionText(at) };
  const decoded = await audited(settings, change, { terminal }, async () => codec.decode(record.value));
  const facts = { ...deadLetterFacts(record), readsAs: decoded.ok ? decoded.name : decoded.reason };
  if (options.json)
    terminal.out(json({ ...facts, headers: textOfHeaders(record), bytes: record.value?.toString('base64') ?? null }));
  else for (const line of deadLetterLines(record, facts.readsAs)) terminal.out(line);
};

const discard = async (
  { terminal, config }: CommandContext,
  at: Position,
  { dryRun, yes }: DiscardOptions,
): Promise<void> => {
  const settings = config.deadLetters();
  const { bus, topic } = open(settings);
  await find(bus, topic, at);
  const [watermark] = await lowOf(bus, topic, at);
  const count = at.offset + 1n - (watermark?.low ?? at.offset);
  const what = `${count === 1n ? '1 record' : `${count} records`} of partition ${at.partition}, up to ${positionText(at)}`;
  if (dryRun) return terminal.out(`would discard ${what}`);
  await confirmRemoval(terminal, `This discards ${what}.`, yes);
  await audited(settings, { action: 'dead-letters.discard', subject: positionText(at) }, { terminal }, () =>
    deleteRecordsBefore(bus, topic, new Map([[at.partition, at.offset + 1n]])),
  );
  terminal.out(`discarded ${what}`);
};

const open = ({ kafka }: DeadLettersConfig): { bus: Bus; topic: string } => ({
  bus: openBus(kafka),
  topic: topicNames(kafka.topicPrefix).commandsDlt,
});

const positionText = ({ partition, offset }: Position): string => `${partition}:${offset}`;

const lowOf = async (bus: Bus, topic: string, { partition }: Position) =>
  (await watermarks(bus, topic)).filter((watermark) => watermark.partition === partition);

const find = async (bus: Bus, topic: string, at: Position): Promise<BusRecord> => {
  const { partition, offset } = at;
  const range = {
    partitions: [partition],
    from: new Map([[partition, offset]]),
    to: new Map([[partition, offset + 1n]]),
  };
  const [watermark] = await lowOf(bus, topic, at);
  if (watermark !== undefined && offset >= watermark.low && offset < watermark.high) {
    for await (const record of readTopic(bus, topic, range)) if (record.offset === offset) return record;
  }
  throw new CliFailure(
    `there is no dead letter at ${positionText(at)}; npm run vault -- dead-letters list prints the positions`,
  );
};

const textOfHeaders = ({ headers }: BusRecord): Readonly<Record<string, string>> =>
  Object.fromEntries(Object.entries(headers).map(([name, value]) => [name, value?.toString('base64') ?? '']));
