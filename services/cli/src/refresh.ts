import { openCodec, topicNames } from '@vault-engine/contracts';
import { openCatalog, type ProfileCatalog, refreshTerms } from '@vault-engine/platforms';
import { NoScheduler, requestRefresh } from '@vault-engine/refresh-queue';
import { openRedisStore } from '@vault-engine/token-store';
import {
  type ConnectionRecord,
  type DueResult,
  type PlatformId,
  platformId,
  type TokenStore,
  type UserId,
  userId,
} from '@vault-engine/vault';
import type { Command } from 'commander';
import { withAuditLog } from './audited.ts';
import type { CommandContext } from './command-context.ts';
import type { RefreshConfig } from './config.ts';
import { explainedLines, explainRefresh } from './explain-refresh.ts';
import { CliFailure, EXIT } from './failure.ts';
import { openBus } from './open-bus.ts';
import { wholeNumber } from './parse-arguments.ts';
import { json } from './terminal.ts';

interface Options {
  readonly json?: boolean;
}

/** `refresh due|why|run`: what the scheduler is about to do, and why. Reads the store, and no token of it. */
export const addRefresh = (program: Command, context: CommandContext): void => {
  const refresh = program.command('refresh').description('how tokens are kept fresh: what is due, and why');
  refresh
    .command('due')
    .description('what falls due next, earliest first')
    .option('--limit <count>', 'how many', '20')
    .option('--json', 'as JSON')
    .action((options: Options & { readonly limit: string }) => due(context, options));
  refresh
    .command('why')
    .description('how a connection stands, what the vault would do about it now, and the reason')
    .argument('<user>')
    .argument('<platform>', 'its id, such as google-calendar')
    .option('--json', 'as JSON')
    .action((user: string, platform: string, options: Options) => why(context, connectionOf(user, platform), options));
  refresh
    .command('run')
    .description('lets a scheduler refresh a connection now, past the rest after a failure; audited')
    .argument('<user>')
    .argument('<platform>', 'its id, such as google-calendar')
    .action((user: string, platform: string) => run(context, connectionOf(user, platform)));
};

interface ConnectionName {
  readonly user: UserId;
  readonly platform: PlatformId;
}

/** One connection, as it was typed. */
const connectionOf = (user: string, platform: string): ConnectionName => {
  const [known, of] = [userId(user), platformId(platform)];
  if (known === null) throw new CliFailure('that is no user id: 1-128 of A-Z a-z 0-9 . _ @ | + -', EXIT.usage);
  if (of === null) throw new CliFailure('that is no platform id: it has only a-z, 0-9 and -', EXIT.usage);
  return { user: known, platform: of };
};

const due = async ({ terminal, config }: CommandContext, options: Options & { readonly limit: string }) => {
  const limit = wholeNumber('--limit', options.limit, 1, 10_000);
  const found = await withStore(config.refresh(), (store) => store.upcoming(limit));
  if (options.json)
    return terminal.out(json(found.map((one) => ({ ...one, dueAt: new Date(one.dueAt).toISOString() }))));
  if (found.length === 0) terminal.out('nothing falls due');
  for (const { user, platform, dueAt } of found)
    terminal.out(`${new Date(dueAt).toISOString()}  ${user}  ${platform ?? 'unfinished flows'}`);
};

const why = async (
  { terminal, config, profilesFolder }: CommandContext,
  name: ConnectionName,
  options: Options,
): Promise<void> => {
  const settings = config.refresh();
  const catalog = await openCatalog([profilesFolder, ...settings.profiles.folders], settings.profiles);
  const record = await withStore(settings, (store) => readRecord(store, name));
  const now = Date.now();
  const explained = explainRefresh(record, termsOf(catalog, name.platform), now);
  if (options.json) terminal.out(json(explained));
  else for (const line of explainedLines(explained, now)) terminal.out(line);
};

const SCHEDULER_HAS_MS = 60_000;

const run = async ({ terminal, config }: CommandContext, name: ConnectionName): Promise<void> => {
  const settings = config.refresh();
  const { kafka, registry, redis } = settings;
  await withStore(settings, (store) => readRecord(store, name));
  const codec = await openCodec({ registryUrl: registry.url });
  const topic = topicNames(kafka.topicPrefix).auditLog;
  await withAuditLog({ bus: openBus(kafka), codec, topic }, (audit) =>
    audit('refresh.run', `${name.user}:${name.platform}`),
  );
  const outcome = await requestRefresh(name, { ...redis, withinMs: SCHEDULER_HAS_MS }).catch((error: unknown) => {
    if (error instanceof NoScheduler) throw new CliFailure(`${error.message}: does one run?`);
    throw error;
  });
  if (outcome !== 'renewed') throw new CliFailure(`${OUTCOMES[outcome]}; refresh why says more`);
  terminal.out('refreshed');
};

const OUTCOMES: Readonly<Record<Exclude<DueResult['kind'], 'renewed'>, string>> = {
  failed: 'the refresh failed, and is tried again later',
  dead: 'the grant is dead: only the user can connect it anew',
  told: 'there is nothing to refresh',
  nothing: 'there is nothing to refresh',
  busy: 'another process is at it just now',
  gone: 'the connection is gone',
  throttled: 'the rate of the platform is used up for now',
};

/** The connection; a failure where there is none. */
const readRecord = async (store: TokenStore, { user, platform }: ConnectionName): Promise<ConnectionRecord> => {
  const { record } = await store.readConnection(user, platform);
  if (record === null) throw new CliFailure('the user has no connection on this platform');
  return record;
};

/** Nobody here reckons how long a failure rests, which alone is random. */
const termsOf = (catalog: ProfileCatalog, platform: PlatformId) => {
  const profile = catalog.profile(platform);
  return profile === null ? null : refreshTerms(profile, () => 0, '');
};

/** Runs `use` with the store open. */
const withStore = async <T>(
  { redis, environment }: RefreshConfig,
  use: (store: TokenStore) => Promise<T>,
): Promise<T> => {
  const store = await openRedisStore({ ...redis, requireDurable: environment === 'production' });
  try {
    return await use(store);
  } finally {
    await store.close();
  }
};
