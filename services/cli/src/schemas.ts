import { applySchemas, checkSchemas, type SchemasReport, type SubjectReport } from '@vault-engine/contracts';
import type { Command } from 'commander';
import type { CommandContext } from './command-context.ts';
import { CliFailure } from './failure.ts';
import { json, type Terminal } from './terminal.ts';

interface SchemasOptions {
  readonly json?: boolean;
}

/** `schemas check` and `schemas apply`: the schemas of this build and what the registry has of them. */
export const addSchemas = (program: Command, { terminal, config }: CommandContext): void => {
  const schemas = program
    .command('schemas')
    .description('the schemas, as they are registered and as this build has them');
  schemas
    .command('check')
    .description('name what differs; exit code 1 where something does')
    .option('--json', 'as JSON')
    .action(async (options: SchemasOptions) => {
      const report = await checkSchemas(config.schemas().registry.url);
      tell(terminal, report, report.subjects.flatMap(difference), options);
      refuseIncompatible(report);
      if (!report.ok) throw new CliFailure('the schemas differ; npm run vault -- schemas apply registers them');
    });
  schemas
    .command('apply')
    .description('register them where all are compatible with what is there, else none')
    .option('--json', 'as JSON')
    .action(async (options: SchemasOptions) => {
      const { url } = config.schemas().registry;
      const before = await checkSchemas(url);
      const after = await applySchemas(url);
      const lines = after.ok ? before.subjects.flatMap(made) : after.subjects.flatMap(difference);
      tell(terminal, after, lines, options);
      refuseIncompatible(after);
      if (!after.ok) throw new CliFailure('the registry did not take all schemas; look at its own log');
    });
};

const tell = (terminal: Terminal, report: SchemasReport, lines: readonly string[], options: SchemasOptions): void => {
  if (options.json) terminal.out(json(report));
  else if (lines.length === 0) terminal.out('all schemas are registered');
  else for (const line of lines) terminal.out(line);
};

const STATES = {
  current: [],
  absent: ['is missing'],
  changed: ['is another, compatible version'],
  incompatible: ['is not compatible with a version that is registered'],
} as const satisfies Record<SubjectReport['state'], readonly string[]>;

const difference = ({ subject, state, level, wantedLevel, messages }: SubjectReport): readonly string[] =>
  [...STATES[state], ...messages, ...levelChange(level, wantedLevel)].map((what) => `${subject}: ${what}`);

const MADE = {
  current: [],
  absent: ['registered'],
  changed: ['registered a new version'],
  incompatible: [],
} as const satisfies Record<SubjectReport['state'], readonly string[]>;

const made = ({ subject, state, level, wantedLevel }: SubjectReport): readonly string[] =>
  [...MADE[state], ...levelChange(level, wantedLevel)].map((what) => `${subject}: ${what}`);

const levelChange = (level: string | null, wanted: string): readonly string[] =>
  level === wanted ? [] : [`compatibility ${level ?? 'not set'} → ${wanted}`];

const refuseIncompatible = ({ subjects }: SchemasReport): void => {
  const names = subjects.filter(({ state }) => state === 'incompatible').map(({ subject }) => subject);
  if (names.length > 0)
    throw new CliFailure(
      `${names.join(', ')}: not compatible, nothing was registered; change the schema, not the level`,
    );
};
