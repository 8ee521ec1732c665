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
import { openBus } from './command-context.ts';
import type { RefreshConfig } from './config.ts';
import { explainedLines, explainRefresh } from './explain-refresh.ts';
import { CliFailure, EXIT } from './failure.ts';
import { wholeNumber } from './parse-arguments.ts';
import { json } from './terminal.ts';

interface Options {
  readonly json?: boolean;
}

/** `refresh due|why|run`: what the scheduler will do, and why. Reads the store; decrypts no token. */
export const addRefresh = (program: Command, context: CommandContext): void => {
  const refresh = program.command('refresh').description('scheduled refreshes: what is due, and why');
  refresh
    .command('due')
    .description('list the next due connections, earliest first')
    .option('--limit <count>', 'maximum number of lines', '20')
    .option('--json', 'print JSON')
    .action((options: Options & { readonly limit: string }) => due(context, options));
  refresh
    .command('why')
    .description('explain the state of a connection, and what the vault would do now')
    .argument('<user>')
    .argument('<platform>', 'platform id, for example google-calendar')
    .option('--json', 'print JSON')
    .action((user: string, platform: string, options: Options) => why(context, connectionOf(user, platform), options));
  refresh
    .command('run')
    .description('have a scheduler refresh a connection now, ignoring the backoff after a failure; audited')
    .argument('<user>')
    .argument('<platform>', 'platform id, for example google-calendar')
    .action((user: string, platform: string) => run(context, connectionOf(user, platform)));
};

interface ConnectionName {
  readonly user: UserId;
  readonly platform: PlatformId;
}

/** Parses the arguments that name a connection. */
const connectionOf = (user: string, platform: string): ConnectionName => {
  const [parsedUser, parsedPlatform] = [userId(user), platformId(platform)];
  if (parsedUser === null)
    throw new CliFailure('invalid user id: use 1 to 128 characters of A-Z a-z 0-9 . _ @ | + -', EXIT.usage);
  if (parsedPlatform === null) throw new CliFailure('invalid platform id: use a-z, 0-9 and -', EXIT.usage);
  return { user: parsedUser, platform: parsedPlatform };
};

const due = async ({ terminal, config }: CommandContext, options: Options & { readonly limit: string }) => {
  const limit = wholeNumber('--limit', options.limit, 1, 10_000);
  const found = await withStore(config.refresh(), (store) => store.upcoming(limit));
  if (options.json)
    return terminal.out(json(found.map((one) => ({ ...one, dueAt: new Date(one.dueAt).toISOString() }))));
  if (found.length === 0) terminal.out('nothing is due');
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

const SCHEDULER_TIMEOUT_MS = 60_000;

const run = async ({ terminal, config }: CommandContext, name: ConnectionName): Promise<void> => {
  const settings = config.refresh();
  const { kafka, registry, redis } = settings;
  await withStore(settings, (store) => readRecord(store, name));
  const codec = await openCodec({ registryUrl: registry.url, registryAccess: registry.access });
  const topic = topicNames(kafka.topicPrefix).auditLog;
  await withAuditLog({ bus: openBus(kafka), codec, topic }, (audit) =>
    audit('refresh.run', `${name.user}:${name.platform}`),
  );
  const outcome = await requestRefresh(name, { ...redis, withinMs: SCHEDULER_TIMEOUT_MS }).catch((error: unknown) => {
    if (error instanceof NoScheduler)
      throw new CliFailure(`${error.message}; check that a refresh-scheduler is running`);
    throw error;
  });
  if (outcome !== 'renewed')
    throw new CliFailure(
      `${OUTCOMES[outcome]}; npm run vault -- refresh why ${name.user} ${name.platform} explains the state`,
    );
  terminal.out('refreshed');
};

const OUTCOMES: Readonly<Record<Exclude<DueResult['kind'], 'renewed'>, string>> = {
  failed: 'token refresh failed; it will be retried',
  dead: 'the grant is dead and the user has to reconnect',
  told: 'the connection cannot be refreshed',
  nothing: 'the connection cannot be refreshed',
  busy: 'another process is refreshing the connection',
  gone: 'the connection no longer exists',
  throttled: 'the rate limit of the platform is used up',
};

/** Reads the connection. Throws a `CliFailure` if there is none. */
const readRecord = async (store: TokenStore, { user, platform }: ConnectionName): Promise<ConnectionRecord> => {
  const { record } = await store.readConnection(user, platform);
  if (record === null) throw new CliFailure('the user has no connection on this platform');
  return record;
};

/** The random source only affects the backoff after a failure, which is not used here. */
const termsOf = (catalog: ProfileCatalog, platform: PlatformId) => {
  const profile = catalog.profile(platform);
  return profile === null ? null : refreshTerms(profile, () => 0);
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
