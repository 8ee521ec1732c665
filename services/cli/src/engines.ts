import type { EngineAdministration, EnginePolicy, MintedKey } from '@vault-engine/engines';
import { isUsable, type KeyUse } from '@vault-engine/protocol';
import { type Command, Option } from 'commander';
import type { CommandContext } from './command-context.ts';
import { CliFailure } from './failure.ts';
import { listEngines } from './list-engines.ts';
import { engineId, keyId } from './parse-arguments.ts';
import { policyChanges, readPolicies } from './policies.ts';
import { json, type Terminal } from './terminal.ts';
import { ensureReplyTopics } from './topics.ts';
import { done, withAdministration } from './with-engines.ts';

interface KeyOptions {
  readonly use: KeyUse;
  readonly json?: boolean;
}

/** `engines list|add|rotate|revoke|apply`: the engines that may call the vault. */
export const addEngines = (program: Command, context: CommandContext): void => {
  const engines = program.command('engines').description('engines that may call the vault: keys, grants, rate limits');
  engines
    .command('list')
    .description('list engines with keys, grants and rate limits; prints no secret')
    .option('--json', 'print JSON')
    .action((options: { readonly json?: boolean }) => listEngines(context, options));
  engines
    .command('add')
    .description(
      'create the first key of an engine for this use, and the engine itself if it is new; prints the key once',
    )
    .argument('<engine>', 'engine id')
    .addOption(useOption())
    .option('--grants <file>', 'grants and rate limit of a new engine', context.grantsFile)
    .option('--json', 'print JSON')
    .action((engine: string, options: KeyOptions & { readonly grants: string }) =>
      add(context, engineId(engine), options),
    );
  engines
    .command('rotate')
    .description('create a new key; the old one stays usable until you revoke it; prints the key once')
    .argument('<engine>', 'engine id')
    .addOption(useOption())
    .option('--json', 'print JSON')
    .action((engine: string, options: KeyOptions) => rotate(context, engineId(engine), options));
  engines
    .command('revoke')
    .description('revoke a key permanently; takes effect within seconds')
    .argument('<engine>', 'engine id')
    .argument('<kid>', 'key id: 8 hex digits')
    .action((engine: string, kid: string) => revoke(context, engineId(engine), keyId(kid)));
  engines
    .command('apply')
    .description('apply the grants and rate limits of a file, and print the changes')
    .argument('<file>', 'for example deploy/engines.yaml')
    .option('--json', 'print JSON')
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
        `${engine} already has a usable ${options.use} key; npm run vault -- engines rotate ${engine} creates another`,
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
    `${engine} is new and ${grants} has no grants for it; add them there, or pass another file with --grants`,
  );
};

const rotate = ({ config, terminal }: CommandContext, engine: string, options: KeyOptions): Promise<void> =>
  withAdministration(config.engines(), async (administration) => {
    const before = usableKeys(administration, engine, options.use);
    if (administration.table.get(engine) !== undefined && before.length === 0)
      throw new CliFailure(
        `${engine} has no usable ${options.use} key; create one with npm run vault -- engines add ${engine} --use ${options.use}`,
      );
    showOnce(terminal, engine, done(engine, await administration.addKey(engine, options.use)), options);
    for (const kid of before)
      terminal.note(
        `key ${kid} stays usable; once ${engine} uses the new key, run npm run vault -- engines revoke ${engine} ${kid}`,
      );
  });

const revoke = async ({ config, terminal }: CommandContext, engine: string, kid: string): Promise<void> => {
  const wasUsable = await withAdministration(config.engines(), async (administration) =>
    done(engine, await administration.revokeKey(engine, kid)),
  );
  terminal.out(`key ${kid} of ${engine} ${wasUsable ? 'revoked' : 'was already revoked'}`);
};

/** The result for one engine of the file. */
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
  for (const engine of others) terminal.note(`${engine} is not in ${file} and was not changed`);
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

/** Prints the key while the connections are still open: an error on closing them must not lose it. */
const showOnce = (
  terminal: Terminal,
  engine: string,
  { kid, key }: MintedKey,
  { use, json: asJson }: KeyOptions,
): void => {
  terminal.out(asJson ? json({ engine, use, kid, key }) : key);
  terminal.note(`this is the ${use} key ${kid} of ${engine}; it is shown this once and not stored: copy it now`);
};

const useOption = (): Option =>
  new Option('--use <use>', 'commands over Kafka, or the REST API').choices(['kafka', 'http']).default('kafka');
