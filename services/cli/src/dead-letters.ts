import { type Bus, type BusRecord, deleteRecordsBefore, readTopic, watermarks } from '@vault-engine/bus';
import { openCodec, topicNames } from '@vault-engine/contracts';
import type { Command } from 'commander';
import { withAuditLog } from './audited.ts';
import type { CommandContext } from './command-context.ts';
import type { DeadLettersConfig } from './config.ts';
import { type LetterFacts, letterFacts, letterLine, letterLines } from './describe-letter.ts';
import { CliFailure } from './failure.ts';
import { openBus } from './open-bus.ts';
import { type Position, position } from './parse-arguments.ts';
import { json } from './terminal.ts';

interface Options {
  readonly json?: boolean;
}

/** `dead-letters list|show|discard`: what no worker could read. Inspected and discarded, never sent again. */
export const addDeadLetters = (program: Command, context: CommandContext): void => {
  const letters = program
    .command('dead-letters')
    .description('records that are no commands: look at them, discard them');
  letters
    .command('list')
    .description('each letter with its place, where it came from, and why it is here')
    .option('--json', 'as JSON')
    .action((options: Options) => list(context, options));
  letters
    .command('show')
    .description('one letter with its headers and bytes; audited')
    .argument('<place>', 'partition:offset, as list has it')
    .option('--json', 'as JSON')
    .action((place: string, options: Options) => show(context, position('<place>', place), options));
  letters
    .command('discard')
    .description('delete a letter, and with it all that stand before it in its partition; audited')
    .argument('<place>', 'partition:offset, as list has it')
    .action((place: string) => discard(context, position('<place>', place)));
};

const list = async ({ terminal, config }: CommandContext, options: Options): Promise<void> => {
  const { bus, topic } = place(config.deadLetters());
  const facts: LetterFacts[] = [];
  for await (const record of readTopic(bus, topic)) facts.push(letterFacts(record));
  facts.sort((a, b) => a.deadSince.localeCompare(b.deadSince));
  if (options.json) terminal.out(json(facts));
  else if (facts.length === 0) terminal.out('there are no dead letters');
  else for (const letter of facts) terminal.out(letterLine(letter));
};

const show = async ({ terminal, config }: CommandContext, at: Position, options: Options): Promise<void> => {
  const settings = config.deadLetters();
  const { bus, topic } = place(settings);
  const record = await find(bus, topic, at);
  const codec = await openCodec({ registryUrl: settings.registry.url });
  await withAuditLog({ bus, codec, topic: topicNames(settings.kafka.topicPrefix).auditLog }, (audit) =>
    audit('dead-letters.show', placeText(at)),
  );
  const decoded = await codec.decode(record.value);
  const facts = { ...letterFacts(record), readsAs: decoded.ok ? decoded.name : decoded.reason };
  if (options.json)
    terminal.out(json({ ...facts, headers: textOfHeaders(record), bytes: record.value?.toString('base64') ?? null }));
  else for (const line of letterLines(record, facts.readsAs)) terminal.out(line);
};

const discard = async ({ terminal, config }: CommandContext, at: Position): Promise<void> => {
  const settings = config.deadLetters();
  const { bus, topic } = place(settings);
  await find(bus, topic, at);
  const codec = await openCodec({ registryUrl: settings.registry.url, types: ['AuditRecord', 'ConnectionChanged'] });
  // The record says what was asked before it is done: a discard that nobody can trace does not happen.
  await withAuditLog({ bus, codec, topic: topicNames(settings.kafka.topicPrefix).auditLog }, (audit) =>
    audit('dead-letters.discard', placeText(at)),
  );
  const [before] = await lowOf(bus, topic, at);
  await deleteRecordsBefore(bus, topic, new Map([[at.partition, at.offset + 1n]]));
  const gone = at.offset + 1n - (before?.low ?? at.offset);
  terminal.out(
    `discarded ${gone === 1n ? 'one place' : `${gone} places`} of partition ${at.partition}, up to ${placeText(at)}`,
  );
};

const place = ({ kafka }: DeadLettersConfig): { bus: Bus; topic: string } => ({
  bus: openBus(kafka),
  topic: topicNames(kafka.topicPrefix).commandsDlt,
});

const placeText = ({ partition, offset }: Position): string => `${partition}:${offset}`;

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
  throw new CliFailure(`there is no dead letter at ${placeText(at)}: npm run vault -- dead-letters list names them`);
};

const textOfHeaders = ({ headers }: BusRecord): Readonly<Record<string, string>> =>
  Object.fromEntries(Object.entries(headers).map(([name, value]) => [name, value?.toString('base64') ?? '']));
