import {
  applySchemas,
  checkSchemas,
  type SchemasReport,
  type SubjectReport,
} from '@vault-engine/contracts/apply-schemas';
import type { Command } from 'commander';
import { announcePlan, audited } from './audited-change.ts';
import type { CommandContext } from './command-context.ts';
import { CliFailure } from './failure.ts';
import { json, type Terminal } from './terminal.ts';

interface SchemasOptions {
  readonly json?: boolean;
}

/** `schemas check` and `schemas apply`: the schemas of this build, compared with the registry. */
export const addSchemas = (program: Command, { terminal, config }: CommandContext): void => {
  const schemas = program.command('schemas').description('schemas of this build and of the registry');
  schemas
    .command('check')
    .description('report differences; exit code 1 if there are any')
    .option('--json', 'print JSON')
    .action(async (options: SchemasOptions) => {
      const report = await checkSchemas(config.schemas().registry.url);
      printReport(terminal, report, report.subjects.flatMap(difference), options);
      refuseIncompatible(report);
      if (!report.ok)
        throw new CliFailure('the registry differs; npm run vault -- schemas apply registers the schemas');
    });
  schemas
    .command('apply')
    .description('register all schemas, or none if one is incompatible; audited')
    .option('--dry-run', 'print the changes without making them')
    .option('--json', 'print JSON')
    .action((options: SchemasOptions & { readonly dryRun?: boolean }) => apply({ terminal, config }, options));
};

const apply = async (
  { terminal, config }: Pick<CommandContext, 'terminal' | 'config'>,
  options: SchemasOptions & { readonly dryRun?: boolean },
): Promise<void> => {
  const settings = config.auditedSchemas();
  const { url } = settings.registry;
  const before = await checkSchemas(url);
  const plan = before.subjects.flatMap(difference);
  if (options.dryRun || plan.length === 0) {
    printReport(terminal, before, plan, options);
    return refuseIncompatible(before);
  }
  announcePlan(terminal, plan);
  const subject = `${plan.length} changes`;
  const change = { action: 'schemas.apply', subject };
  const after = await audited(settings, change, { terminal, createsAuditLog: true }, () => applySchemas(url));
  const lines = after.ok ? before.subjects.flatMap(applied) : after.subjects.flatMap(difference);
  printReport(terminal, after, lines, options);
  refuseIncompatible(after);
  if (!after.ok) throw new CliFailure('the registry did not accept all schemas; check the log of the registry');
};

const printReport = (
  terminal: Terminal,
  report: SchemasReport,
  lines: readonly string[],
  options: SchemasOptions,
): void => {
  if (options.json) terminal.out(json(report));
  else if (lines.length === 0) terminal.out('all schemas are registered');
  else for (const line of lines) terminal.out(line);
};

const STATES = {
  current: [],
  absent: ['missing'],
  changed: ['changed; compatible'],
  incompatible: ['incompatible with a registered version'],
} as const satisfies Record<SubjectReport['state'], readonly string[]>;

const difference = ({ subject, state, level, wantedLevel, messages }: SubjectReport): readonly string[] =>
  [...STATES[state], ...messages, ...levelChange(level, wantedLevel)].map((what) => `${subject}: ${what}`);

const APPLIED = {
  current: [],
  absent: ['registered'],
  changed: ['new version registered'],
  incompatible: [],
} as const satisfies Record<SubjectReport['state'], readonly string[]>;

const applied = ({ subject, state, level, wantedLevel }: SubjectReport): readonly string[] =>
  [...APPLIED[state], ...levelChange(level, wantedLevel)].map((what) => `${subject}: ${what}`);

const levelChange = (level: string | null, wanted: string): readonly string[] =>
  level === wanted ? [] : [`compatibility ${level ?? 'not set'} → ${wanted}`];

const refuseIncompatible = ({ subjects }: SchemasReport): void => {
  const names = subjects.filter(({ state }) => state === 'incompatible').map(({ subject }) => subject);
  if (names.length > 0)
    throw new CliFailure(
      `incompatible: ${names.join(', ')}; nothing was registered. Change the schema, not the compatibility level`,
    );
};
