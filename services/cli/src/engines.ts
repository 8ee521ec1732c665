import type { EngineAdministration, EnginePolicy, MintedKey } from '@vault-engine/engines';
import { isUsable, type KeyUse } from '@vault-engine/protocol';
import { type Command, Option } from 'commander';
import type { CommandContext } from './command-context.ts';
import { CliFailure } from './failure.ts';
import { listEngines } from './list-engines.ts';
import { engineId, keyId } from './parse-arguments.ts';
import { policyChanges } from './policy-changes.ts';
import { readPolicies } from './read-policies.ts';
import { json, type Terminal } from './terminal.ts';
import { ensureReplyTopics } from './topics.ts';
import { done, withAdministration } from './with-engines.ts';

interface KeyOptions {
  readonly use: KeyUse;
  readonly json?: boolean;
}

/** `engines list|add|rotate|revoke|apply`: who may call the vault. */
export const addEngines = (program: Command, context: CommandContext): void => {
  const engines = program.command('engines').description('who may call the vault: keys, grants, rates');
  engines
    .command('list')
    .description('engines, their keys, grants and rates; no secret')
    .option('--json', 'as JSON')
    .action((options: { readonly json?: boolean }) => listEngines(context, options));
  engines
    .command('add')
    .description(
      'make a key for an engine that has none of this use, and the engine where it is new; prints the key once',
    )
    .argument('<engine>', 'its id')
    .addOption(useOption())
    .option('--grants <file>', 'where a new engine has its grants and rate from', context.grantsFile)
    .option('--json', 'as JSON')
    .action((engine: string, options: KeyOptions & { readonly grants: string }) =>
      add(context, engineId(engine), options),
    );
  engines
    .command('rotate')
    .description('make a new key beside the one in use, which stays usable until it is revoked; prints the key once')
    .argument('<engine>', 'its id')
    .addOption(useOption())
    .option('--json', 'as JSON')
    .action((engine: string, options: KeyOptions) => rotate(context, engineId(engine), options));
  engines
    .command('revoke')
    .description('end a key for good; in effect within seconds')
    .argument('<engine>', 'its id')
    .argument('<kid>', 'the 8 hex digits that name the key')
    .action((engine: string, kid: string) => revoke(context, engineId(engine), keyId(kid)));
  engines
    .command('apply')
    .description('put grants and rates of a file in force, and name what changed')
    .argument('<file>', 'such as deploy/engines.yaml')
    .option('--json', 'as JSON')
    .action((file: string, options: { readonly json?: boolean }) => apply(context, file, options));
};

const add = async (
  { config, terminal }: CommandContext,
  engine: string,
  options: KeyOptions & { readonly grants: string },
): Promise<void> => {
  const settings = config.engines();
  await withAdministration(settings, async (administration) => {
    if (usableKeys(administration, engine, options.use).length > 0)
      throw new CliFailure(
        `${engine} has a usable ${options.use} key: npm run vault -- engines rotate ${engine} makes another`,
      );
    const policy = administration.table.get(engine) === undefined ? await policyOf(engine, options.grants) : undefined;
    await ensureReplyTopics(settings, [engine], terminal);
    showOnce(terminal, engine, done(engine, await administration.addKey(engine, options.use, policy)), options);
  });
};

const policyOf = async (engine: string, grants: string): Promise<EnginePolicy> => {
  const policy = (await readPolicies(grants)).get(engine);
  if (policy !== undefined) return policy;
  throw new CliFailure(
    `${engine} is new and ${grants} has no grants for it: add them there, or name another file with --grants`,
  );
};

const rotate = ({ config, terminal }: CommandContext, engine: string, options: KeyOptions): Promise<void> =>
  withAdministration(config.engines(), async (administration) => {
    const before = usableKeys(administration, engine, options.use);
    if (administration.table.get(engine) !== undefined && before.length === 0)
      throw new CliFailure(
        `${engine} has no usable ${options.use} key: npm run vault -- engines add ${engine} --use ${options.use}`,
      );
    showOnce(terminal, engine, done(engine, await administration.addKey(engine, options.use)), options);
    for (const kid of before)
      terminal.note(
        `${kid} stays usable; when ${engine} has the new key: npm run vault -- engines revoke ${engine} ${kid}`,
      );
  });

const revoke = async ({ config, terminal }: CommandContext, engine: string, kid: string): Promise<void> => {
  const wasAlive = await withAdministration(config.engines(), async (administration) =>
    done(engine, await administration.revokeKey(engine, kid)),
  );
  terminal.out(`${kid} of ${engine} ${wasAlive ? 'is revoked' : 'was revoked before'}`);
};

/** What became of one engine of the file. */
interface AppliedPolicy {
  readonly engine: string;
  readonly result: 'created' | 'changed' | 'unchanged';
  readonly changes: readonly string[];
}

const apply = async (
  { config, terminal }: CommandContext,
  file: string,
  options: { readonly json?: boolean },
): Promise<void> => {
  const policies = await readPolicies(file);
  const settings = config.engines();
  await ensureReplyTopics(settings, [...policies.keys()], terminal);
  const { applied, others } = await withAdministration(settings, async (administration) => {
    const known = administration.table.all().map(({ open }) => open.engine);
    const results: AppliedPolicy[] = [];
    for (const [engine, policy] of policies) results.push(await applyPolicy(administration, engine, policy));
    return { applied: results, others: known.filter((engine) => !policies.has(engine)) };
  });
  if (options.json) terminal.out(json(applied));
  else
    for (const { engine, result, changes } of applied) terminal.out([`${engine}: ${result}`, ...changes].join('\n  '));
  for (const engine of others) terminal.note(`${engine} is not in ${file} and stays as it is`);
};

const applyPolicy = async (
  administration: EngineAdministration,
  engine: string,
  policy: EnginePolicy,
): Promise<AppliedPolicy> => {
  const before = administration.table.get(engine)?.open;
  const changed = done(engine, await administration.setPolicy(engine, policy));
  return {
    engine,
    result: before === undefined ? 'created' : changed ? 'changed' : 'unchanged',
    changes: changed ? policyChanges(before ?? null, policy) : [],
  };
};

const usableKeys = ({ table }: EngineAdministration, engine: string, use: KeyUse): readonly string[] =>
  [...(table.get(engine)?.open.keys.values() ?? [])]
    .filter((key) => key.use === use && isUsable(key))
    .map(({ kid }) => kid);

/** At once, while connections are still open: a fault in closing them must not swallow the key. */
const showOnce = (
  terminal: Terminal,
  engine: string,
  { kid, key }: MintedKey,
  { use, json: asJson }: KeyOptions,
): void => {
  terminal.out(asJson ? json({ engine, use, kid, key }) : key);
  terminal.note(
    `this is the ${use} key ${kid} of ${engine}; it is shown this once and kept nowhere: give it to the engine now`,
  );
};

const useOption = (): Option =>
  new Option('--use <use>', 'for commands over Kafka, or for the REST interface')
    .choices(['kafka', 'http'])
    .default('kafka');
