import type { EngineAdministration, EnginePolicy, MintedKey } from '@vault-engine/engines';
import { isUsable, type KeyUse } from '@vault-engine/protocol';
import { type Command, Option } from 'commander';
import { announcePlan, audited } from './audited-change.ts';
import type { CommandContext } from './command-context.ts';
import { CliFailure } from './failure.ts';
import { listEngines } from './list-engines.ts';
import { engineId, keyId } from './parse-arguments.ts';
import { requireKnownPlatforms } from './platforms.ts';
import { policyChanges, readPolicies } from './policies.ts';
import { json, type Terminal } from './terminal.ts';
import { ensureReplyTopics } from './topics.ts';
import { done, withAdministration } from './with-engines.ts';

interface ApplyOptions {
  readonly dryRun?: boolean;
  readonly json?: boolean;
}

interface KeyOptions extends ApplyOptions {
  readonly use: KeyUse;
}

const DRY_RUN = ['--dry-run', 'print the changes without making them'] as const;

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
    .option(...DRY_RUN)
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
    .option(...DRY_RUN)
    .option('--json', 'print JSON')
    .action((engine: string, options: KeyOptions) => rotate(context, engineId(engine), options));
  engines
    .command('revoke')
    .description('revoke a key permanently; takes effect within seconds')
    .argument('<engine>', 'engine id')
    .argument('<kid>', 'key id: 8 hex digits')
    .option(...DRY_RUN)
    .action((engine: string, kid: string, options: ApplyOptions) =>
      revoke(context, engineId(engine), keyId(kid), options.dryRun),
    );
  engines
    .command('apply')
    .description('apply the grants and rate limits of a file, and print the changes')
    .argument('<file>', 'for example deploy/engines.yaml')
    .option(...DRY_RUN)
    .option('--json', 'print JSON')
    .action((file: string, options: ApplyOptions) => apply(context, file, options));
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
    const newEngine = policy === undefined ? [] : [`${engine}: created`, ...policyChanges(null, policy)];
    const plan = [...newEngine, `${engine}: first ${options.use} key`];
    if (options.dryRun) return plan.forEach((line) => void terminal.out(line));
    announcePlan(terminal, plan);
    await audited(settings, changeOf('engines.add', engine, options.use), keyOutcome(terminal, engine), async () => {
      await ensureReplyTopics(settings, [engine], terminal);
      return showOnce(
        terminal,
        engine,
        done(engine, await administration.addKey(engine, options.use, policy)),
        options,
      );
    });
  });
};

const changeOf = (action: string, engine: string, what: string) => ({ action, subject: `${engine} ${what}` });

const keyOutcome = (terminal: Terminal, engine: string) => ({
  terminal,
  outcome: ({ kid }: MintedKey) => `${engine} ${kid}`,
});

const policyOf = async (engine: string, grants: string): Promise<EnginePolicy> => {
  const policy = (await readPolicies(grants)).get(engine);
  if (policy !== undefined) return policy;
  throw new CliFailure(
    `${engine} is new and ${grants} has no grants for it; add them there, or pass another file with --grants`,
  );
};

const rotate = ({ config, terminal }: CommandContext, engine: string, options: KeyOptions): Promise<void> => {
  const settings = config.engines();
  return withAdministration(settings, async (administration) => {
    const before = usableKeys(administration, engine, options.use);
    if (administration.table.get(engine) !== undefined && before.length === 0)
      throw new CliFailure(
        `${engine} has no usable ${options.use} key; create one with npm run vault -- engines add ${engine} --use ${options.use}`,
      );
    if (options.dryRun) return terminal.out(`${engine}: new ${options.use} key; ${before.join(', ')} stays usable`);
    await audited(settings, changeOf('engines.rotate', engine, options.use), keyOutcome(terminal, engine), async () =>
      showOnce(terminal, engine, done(engine, await administration.addKey(engine, options.use)), options),
    );
    for (const kid of before)
      terminal.note(
        `key ${kid} stays usable; once ${engine} uses the new key, run npm run vault -- engines revoke ${engine} ${kid}`,
      );
  });
};

const revoke = ({ config, terminal }: CommandContext, engine: string, kid: string, dryRun = false): Promise<void> => {
  const settings = config.engines();
  return withAdministration(settings, async (administration) => {
    const key = administration.table.get(engine)?.open.keys.get(kid);
    if (dryRun && key !== undefined) return terminal.out(`key ${kid} of ${engine} (${key.use}, ${key.state}): revoked`);
    const wasUsable = await audited(settings, changeOf('engines.revoke', engine, kid), { terminal }, async () =>
      done(engine, await administration.revokeKey(engine, kid)),
    );
    terminal.out(`key ${kid} of ${engine} ${wasUsable ? 'revoked' : 'was already revoked'}`);
  });
};

/** The result for one engine of the file. */
interface AppliedPolicy {
  readonly engine: string;
  readonly result: 'created' | 'changed' | 'unchanged';
  readonly changes: readonly string[];
}

const apply = async (context: CommandContext, file: string, options: ApplyOptions): Promise<void> => {
  const { config, terminal } = context;
  const policies = await readPolicies(file);
  const settings = config.engines();
  await requireKnownPlatforms(
    context,
    settings.profiles,
    [...policies.values()].flatMap(({ grants }) => grants.flatMap(({ platforms }) => platforms)),
  );
  await withAdministration(settings, async (administration) => {
    const known = administration.table.all().map(({ open }) => open.engine);
    const plan = [...policies].map(([engine, policy]) => planOf(administration, engine, policy));
    const changed = plan.filter(({ result }) => result !== 'unchanged');
    if (!options.dryRun) {
      announcePlan(terminal, changed.flatMap(planLines));
      // Also without changes: the administration republishes entries that were overwritten on the topic.
      const subject = changed.map(({ engine, result }) => `${engine} ${result}`).join(', ') || 'no changes';
      await audited(settings, { action: 'engines.apply', subject }, { terminal }, async () => {
        await ensureReplyTopics(settings, [...policies.keys()], terminal);
        for (const [engine, policy] of policies) done(engine, await administration.setPolicy(engine, policy));
      });
    }
    if (options.json) terminal.out(json(plan));
    else for (const line of plan.flatMap(planLines)) terminal.out(line);
    for (const engine of known.filter((other) => !policies.has(other)))
      terminal.note(`${engine} is not in ${file} and was not changed`);
  });
};

const planOf = ({ table }: EngineAdministration, engine: string, policy: EnginePolicy): AppliedPolicy => {
  const before = table.get(engine)?.open;
  const changes = policyChanges(before ?? null, policy);
  const result = before === undefined ? 'created' : changes.length > 0 ? 'changed' : 'unchanged';
  return { engine, result, changes };
};

const planLines = ({ engine, result, changes }: AppliedPolicy): readonly string[] => [
  `${engine}: ${result}`,
  ...changes.map((change) => `  ${change}`),
];

const usableKeys = ({ table }: EngineAdministration, engine: string, use: KeyUse): readonly string[] =>
  [...(table.get(engine)?.open.keys.values() ?? [])]
    .filter((key) => key.use === use && isUsable(key))
    .map(({ kid }) => kid);

/** Prints the key while the connections are still open: an error on closing them must not lose it. */
const showOnce = (
  terminal: Terminal,
  engine: string,
  minted: MintedKey,
  { use, json: asJson }: KeyOptions,
): MintedKey => {
  const { kid, key } = minted;
  terminal.out(asJson ? json({ engine, use, kid, key }) : key);
  terminal.note(`this is the ${use} key ${kid} of ${engine}; it is shown this once and not stored: copy it now`);
  return minted;
};

const useOption = (): Option =>
  new Option('--use <use>', 'commands over Kafka, or the REST API').choices(['kafka', 'http']).default('kafka');
