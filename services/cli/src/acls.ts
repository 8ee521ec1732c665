import { authorizedOperations } from '@vault-engine/bus';
import { Argument, type Command } from 'commander';
import { findProblems, grantLines, ROLES, type Role, resourcesOf, resourceText, rightsOf } from './access-rights.ts';
import { type CommandContext, openBus } from './command-context.ts';
import { CliFailure } from './failure.ts';
import { engineId } from './parse-arguments.ts';
import { json } from './terminal.ts';

interface AclsOptions {
  readonly engine: string;
  readonly clientId?: string;
  readonly prefix?: string;
  readonly principal?: string;
  readonly json?: boolean;
}

/** `acls print` and `acls check`: the smallest Kafka rights of each role, and whether the current principal has them. */
export const addAcls = (program: Command, context: CommandContext): void => {
  const acls = program.command('acls').description('Kafka rights of the services, engines and operators');
  const command = (name: string, description: string): Command =>
    acls
      .command(name)
      .description(description)
      .addArgument(new Argument('<role>', 'the role').choices(ROLES))
      .option('--engine <engine>', 'engine id, for the role engine', 'sync')
      .option(
        '--client-id <id>',
        'client id of an engine, reader or auditor; default: the one of libs/client or of this CLI',
      )
      .option('--json', 'print JSON');
  command('print', 'print the smallest rights of a role as kafka-acls commands')
    .option('--principal <principal>', 'the principal; default: User:<role>')
    .option('--prefix <prefix>', 'topic prefix of the vault', '')
    .action((role: Role, options: AclsOptions) => print(context, role, options));
  command(
    'check',
    'report the rights that the configured principal lacks for a role; exit code 1 if there are any',
  ).action((role: Role, options: AclsOptions) => check(context, role, options));
};

/** The default client ids of libs/client. */
const CLIENT_IDS: Readonly<Partial<Record<Role, (engine: string) => string>>> = {
  engine: (engine) => `vault-client-${engine}`,
  'state-reader': () => 'vault-state-view',
};

const rightsFor = (role: Role, options: AclsOptions, prefix: string) => {
  const engine = engineId(options.engine);
  const clientId = options.clientId ?? CLIENT_IDS[role]?.(engine) ?? 'vault-cli';
  return rightsOf(role, { prefix, engine, clientId });
};

const print = ({ terminal }: CommandContext, role: Role, options: AclsOptions): void => {
  const rights = rightsFor(role, options, options.prefix ?? '');
  if (options.json)
    terminal.out(
      json(rights.map(({ resource, name, isPrefix, operations }) => ({ resource, name, isPrefix, operations }))),
    );
  else for (const line of grantLines(rights, options.principal ?? `User:${role}`)) terminal.out(line);
};

const check = async ({ terminal, config }: CommandContext, role: Role, options: AclsOptions): Promise<void> => {
  const { kafka } = config.kafka();
  const rights = rightsFor(role, options, kafka.topicPrefix);
  const problems = findProblems(rights, await authorizedOperations(openBus(kafka), resourcesOf(rights)));
  const principal = kafka.sasl === undefined ? 'the current principal' : `User:${kafka.sasl.username}`;
  if (options.json) terminal.out(json({ role, principal, problems }));
  else for (const { resource, problem } of problems) terminal.out(`${resource}: ${problem}`);
  if (problems.length > 0)
    throw new CliFailure(
      `${principal} lacks rights of the role ${role}; npm run vault -- acls print ${role} prints the commands that grant them`,
    );
  if (!options.json)
    terminal.out(`${principal} has all rights of the role ${role}: ${rights.map(resourceText).join(', ')}`);
};
