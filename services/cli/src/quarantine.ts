import { openRedisStore, type Quarantine, type QuarantineEntry } from '@vault-engine/token-store';
import type { Command } from 'commander';
import { audited, confirmRemoval } from './audited-change.ts';
import type { CommandContext } from './command-context.ts';
import type { StateConfig } from './config.ts';
import { CliFailure } from './failure.ts';
import { wholeNumber } from './parse-arguments.ts';
import { json } from './terminal.ts';

interface Options {
  readonly json?: boolean;
}

interface DiscardOptions {
  readonly dryRun?: boolean;
  readonly yes?: boolean;
}

/** `quarantine list|show|discard|retry`: entries of the token store that do not parse and were moved aside. */
export const addQuarantine = (program: Command, context: CommandContext): void => {
  const quarantine = program
    .command('quarantine')
    .description('inspect, discard and put back entries of the token store that do not parse');
  quarantine
    .command('list')
    .description('list the quarantined entries with kind, time and reason, oldest first')
    .option('--limit <count>', 'how many', '100')
    .option('--json', 'print JSON')
    .action((options: Options & { readonly limit: string }) => list(context, options));
  quarantine
    .command('show')
    .description('print one entry with its bytes; audited')
    .argument('<id>', 'as printed by list')
    .option('--json', 'print JSON')
    .action((id: string, options: Options) => show(context, id, options));
  quarantine
    .command('discard')
    .description('delete an entry for good; a broken row itself stays in place; audited')
    .argument('<id>', 'as printed by list')
    .option('--dry-run', 'print the entry that would be deleted')
    .option('--yes', 'delete without asking')
    .action((id: string, options: DiscardOptions) => discard(context, id, options));
  quarantine
    .command('retry')
    .description('put an entry back in its place; it returns if it still does not parse; audited')
    .argument('<id>', 'as printed by list')
    .action((id: string) => retry(context, id));
};

const list = async (
  { terminal, config }: CommandContext,
  options: Options & { readonly limit: string },
): Promise<void> => {
  const limit = wholeNumber('--limit', options.limit, 1, 100_000);
  const entries = await withQuarantine(config.state(), (quarantine) => quarantine.list(limit));
  if (options.json) terminal.out(json(entries.map(factsOf)));
  else if (entries.length === 0) terminal.out('no quarantined entries');
  else for (const entry of entries) terminal.out(entryLine(entry));
};

const show = async ({ terminal, config }: CommandContext, id: string, options: Options): Promise<void> => {
  const settings = config.state();
  const change = { action: 'quarantine.show', subject: id };
  const entry = await withQuarantine(settings, async (quarantine) => {
    await find(quarantine, id);
    return audited(settings, change, { terminal }, () => find(quarantine, id));
  });
  if (options.json)
    terminal.out(json({ ...factsOf(entry), content: entry.content.map((item) => item.toString('base64')) }));
  else for (const line of entryLines(entry)) terminal.out(line);
};

const discard = ({ terminal, config }: CommandContext, id: string, { dryRun, yes }: DiscardOptions): Promise<void> => {
  const settings = config.state();
  return withQuarantine(settings, async (quarantine) => {
    const entry = await find(quarantine, id);
    if (dryRun) return terminal.out(`would discard ${entryLine(entry)}`);
    await confirmRemoval(terminal, `This discards ${entryLine(entry)}.`, yes);
    await audited(settings, { action: 'quarantine.discard', subject: id }, { terminal }, async () => {
      if (!(await quarantine.discard(id))) throw missing(id);
    });
    terminal.out(`discarded ${id}`);
  });
};

const retry = ({ terminal, config }: CommandContext, id: string): Promise<void> => {
  const settings = config.state();
  return withQuarantine(settings, async (quarantine) => {
    await find(quarantine, id);
    await audited(settings, { action: 'quarantine.retry', subject: id }, { terminal }, async () => {
      if (!(await quarantine.retry(id))) throw missing(id);
    });
    terminal.out(`put back ${id}`);
  });
};

const withQuarantine = async <T>(
  { redis, environment }: StateConfig,
  use: (quarantine: Quarantine) => Promise<T>,
): Promise<T> => {
  const store = await openRedisStore({ ...redis, requireDurable: environment === 'production' });
  try {
    return await use(store.quarantine);
  } finally {
    await store.close();
  }
};

const find = async (quarantine: Quarantine, id: string): Promise<QuarantineEntry> => {
  const entry = await quarantine.find(id);
  if (entry === null) throw missing(id);
  return entry;
};

const missing = (id: string): CliFailure =>
  new CliFailure(`no quarantined entry has the id ${JSON.stringify(id)}; quarantine list prints the ids`);

const factsOf = ({ id, kind, reason, quarantinedAt, dueAt }: QuarantineEntry) => ({
  id,
  kind,
  reason,
  quarantinedAt: new Date(quarantinedAt).toISOString(),
  dueAt: dueAt === null ? null : new Date(dueAt).toISOString(),
});

const entryLine = (entry: QuarantineEntry): string => {
  const { id, quarantinedAt, reason } = factsOf(entry);
  return `${id}  ${quarantinedAt}  ${reason}`;
};

/** The bytes in hex, because they may be anything. */
const entryLines = (entry: QuarantineEntry): readonly string[] => [
  entryLine(entry),
  `due       ${factsOf(entry).dueAt ?? 'no entry of the due index was moved'}`,
  ...entry.content.map((item) => `content   ${item.length} bytes ${item.toString('hex')}`),
];
