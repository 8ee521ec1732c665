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
import { audited, withAuditLog } from './audited-change.ts';
import type { CommandContext } from './command-context.ts';
import type { RefreshConfig } from './config.ts';
import { explainedLines, explainRefresh } from './explain-refresh.ts';
import { CliFailure, EXIT } from './failure.ts';
import { wholeNumber } from './parse-arguments.ts';
import { refuseUnknown } from './platforms.ts';
import { json } from './terminal.ts';

interface Options {
  readonly json?: boolean;
}

/** `refresh due|why|run|revive`: what the scheduler will do, and why. Reads the store; decrypts no token. */
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
    .option('--dry-run', 'check that the connection exists, without refreshing it')
    .action((user: string, platform: string, options: { readonly dryRun?: boolean }) =>
      run(context, connectionOf(user, platform), options),
    );
  refresh
    .command('revive')
    .description('ask the provider again for dead connections, of one user or of a whole platform; audited')
    .argument('[user]')
    .argument('[platform]', 'platform id, for example google-calendar')
    .option('--platform <id>', 'all dead connections of this platform')
    .option('--since <time>', 'with --platform: only those that died at or after this time (ISO 8601)')
    .option('--dry-run', 'list the connections and ask nobody')
    .action((user: string | undefined, platform: string | undefined, options: ReviveOptions) =>
      revive(context, user, platform, options),
    );
};

interface ReviveOptions {
  readonly platform?: string;
  readonly since?: string;
  readonly dryRun?: boolean;
}

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
  const record = await withStore(settings, (store) => readRecord(store, name, catalog));
  const now = Date.now();
  const explained = explainRefresh(record, {
    terms: termsOf(catalog, name.platform),
    missingClient: config.missingClient(name.platform),
    now,
  });
  if (options.json) terminal.out(json(explained));
  else for (const line of explainedLines(explained, now)) terminal.out(line);
};

const SCHEDULER_TIMEOUT_MS = 60_000;

const run = async (
  context: CommandContext,
  name: ConnectionName,
  { dryRun }: { readonly dryRun?: boolean },
): Promise<void> => {
  const { terminal, config } = context;
  const settings = config.refresh();
  const catalog = await openCatalog([context.profilesFolder, ...settings.profiles.folders], settings.profiles);
  const record = await withStore(settings, (store) => readRecord(store, name, catalog));
  if (dryRun) return terminal.out(`would ask a scheduler to refresh ${name.platform} of ${name.user}`);
  const change = { action: 'refresh.run', subject: null, ...name };
  const outcome = await audited(settings, change, { terminal, outcome: (kind) => kind }, () =>
    forceRefresh(settings, name),
  );
  if (outcome === 'nothing' || outcome === 'told') {
    const terms = termsOf(catalog, name.platform);
    const missingClient = config.missingClient(name.platform);
    throw new CliFailure(`not refreshed: ${explainRefresh(record, { terms, missingClient, now: Date.now() }).now}`);
  }
  if (outcome !== 'renewed')
    throw new CliFailure(
      `${OUTCOMES[outcome]}; npm run vault -- refresh why ${name.user} ${name.platform} explains the state`,
    );
  terminal.out('refreshed');
};

/** A forced refresh also asks for a connection that is dead: it comes back if the provider accepts its refresh token again. */
const revive = async (
  { terminal, config }: CommandContext,
  user: string | undefined,
  platform: string | undefined,
  { platform: whole, since, dryRun = false }: ReviveOptions,
): Promise<void> => {
  const from = since === undefined ? 0 : Date.parse(since);
  if (Number.isNaN(from))
    throw new CliFailure('--since: use an ISO 8601 time, such as 2026-11-30T12:00:00Z', EXIT.usage);
  if ((user === undefined) === (whole === undefined) || (user !== undefined && platform === undefined))
    throw new CliFailure('name either a user and a platform, or --platform', EXIT.usage);
  const settings = config.refresh();
  const names =
    user === undefined || platform === undefined
      ? await withStore(settings, (store) => deadConnections(store, whole ?? '', from))
      : [connectionOf(user, platform)];
  if (dryRun || names.length === 0) {
    for (const name of names) terminal.out(`${name.user}  ${name.platform}`);
    return terminal.out(`${names.length} dead connections`);
  }
  let revived = 0;
  await withAuditLog(settings, async (log) => {
    for (const [done, name] of names.entries()) {
      const change = { action: 'refresh.revive', subject: null, ...name };
      const outcome = await audited(settings, change, { terminal, log, outcome: (kind) => kind }, () =>
        forceRefresh(settings, name),
      );
      if (outcome === 'renewed') revived += 1;
      const result = outcome === 'renewed' ? 'revived' : OUTCOMES[outcome];
      terminal.out(`${done + 1}/${names.length}  ${name.user}  ${name.platform}  ${result}`);
    }
  });
  if (revived < names.length) throw new CliFailure(`${revived} of ${names.length} connections revived`);
  terminal.out(`${revived} of ${names.length} connections revived`);
};

/** The connections of a platform that died at or after `from`, Unix milliseconds. */
const deadConnections = async (store: TokenStore, id: string, from: number): Promise<readonly ConnectionName[]> => {
  const platform = platformId(id);
  if (platform === null) throw new CliFailure('invalid platform id: use a-z, 0-9 and -', EXIT.usage);
  const dead = new Set<UserId>();
  for await (const user of store.users()) {
    const { record } = await store.readConnection(user, platform);
    if (record?.condition.kind === 'dead' && record.condition.since >= from) dead.add(user);
  }
  return [...dead].map((user) => ({ user, platform }));
};

const forceRefresh = ({ redis }: RefreshConfig, name: ConnectionName): Promise<DueResult['kind']> =>
  requestRefresh(name, { ...redis, withinMs: SCHEDULER_TIMEOUT_MS }).catch((error: unknown) => {
    if (error instanceof NoScheduler)
      throw new CliFailure(`${error.message}; check that a refresh-scheduler is running`);
    throw error;
  });

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
const readRecord = async (
  store: TokenStore,
  { user, platform }: ConnectionName,
  catalog: ProfileCatalog,
): Promise<ConnectionRecord> => {
  const { record } = await store.readConnection(user, platform);
  // A connection may outlive the profile of its platform.
  const known = catalog.all().map(({ id }) => id);
  if (record === null) refuseUnknown([platform], known);
  if (record === null) throw new CliFailure('the user has no connection on this platform');
  return record;
};

/** The random source only affects the backoff after a failure, which is not used here. */
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
