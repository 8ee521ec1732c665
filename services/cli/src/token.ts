import { connectVault, type VaultClient } from '@vault-engine/client';
import { LARGEST_INTEGER } from '@vault-engine/vault';
import type { Command } from 'commander';
import type { CommandContext } from './command-context.ts';
import { engineId, pairs, pointInTime, wholeNumber } from './parse-arguments.ts';
import { readTokens, type SecretSources } from './read-secret.ts';
import { flowFacts, statusFacts, statusLines, tokenFacts } from './show-answers.ts';
import { json } from './terminal.ts';

interface CallOptions {
  readonly as?: string;
  readonly timeout: string;
  readonly json?: boolean;
}

interface StoreOptions extends CallOptions, SecretSources {
  readonly expiresAt?: string;
  readonly refreshExpiresAt?: string;
  readonly scope?: readonly string[];
  readonly tokenType?: string;
  readonly param?: readonly string[];
  readonly flowId?: string;
  readonly allowAccountChange?: boolean;
  readonly idempotencyKey?: string;
}

interface GetOptions extends CallOptions {
  readonly minValidity?: string;
  readonly rejectedVersion?: string;
}

interface StartOptions extends CallOptions {
  readonly flowId?: string;
  readonly idempotencyKey?: string;
}

/** `token store|get|status|start|revoke|forget`: what an engine does, as that engine. */
export const addToken = (program: Command, context: CommandContext): void => {
  const tokens = program
    .command('token')
    .description('store and ask for tokens as an engine: VAULT_ENGINE_ID and VAULT_ENGINE_KEY (or …_FILE), or --as');
  const command = (name: string, description: string, ...words: readonly string[]): Command => {
    const added = tokens.command(name).description(description);
    for (const word of words) added.argument(`<${word}>`);
    return added
      .option('--as <engine>', 'an engine of the development start')
      .option('--timeout <ms>', 'how long to wait for the answer', '10000')
      .option('--json', 'as JSON');
  };
  command('store', "store a connection's credentials; asks for the tokens where no file is named", 'user', 'platform')
    .option('--access-token-file <file>', 'the access token; - reads standard input')
    .option('--refresh-token-file <file>', 'the refresh token; - reads standard input')
    .option('--expires-at <time>', 'when the access token lapses: Unix seconds, or 2027-01-31T12:00:00Z')
    .option('--refresh-expires-at <time>', 'when the refresh token lapses')
    .option('--scope <scope...>', 'the scopes that were granted')
    .option('--token-type <type>', 'Bearer where nothing is said')
    .option('--param <name=value...>', 'facts of the connection, no secret')
    .option('--flow-id <id>', 'the started flow that this ends')
    .option('--allow-account-change', "the tokens may be of another account of the platform than the connection's")
    .option('--idempotency-key <key>', 'the same key again is carried out once')
    .action((user: string, platform: string, options: StoreOptions) => store(context, user, platform, options));
  command('get', 'print a usable access token, and nothing else, on standard output', 'user', 'platform')
    .option('--min-validity <seconds>', 'how much longer it has to be usable')
    .option('--rejected-version <version>', 'the token version that the platform has just rejected')
    .action((user: string, platform: string, options: GetOptions) => get(context, user, platform, options));
  command('status', "how a user's connections stand", 'user').action((user: string, options: CallOptions) =>
    status(context, user, options),
  );
  command('start', 'note that a user has begun to connect a platform', 'user', 'platform')
    .option('--flow-id <id>', 'a name for the flow; the vault makes one where nothing is said')
    .option('--idempotency-key <key>', 'the same key again is carried out once')
    .action((user: string, platform: string, options: StartOptions) => start(context, user, platform, options));
  command('revoke', 'end a connection at its provider and delete its credentials', 'user', 'platform').action(
    (user: string, platform: string, options: CallOptions) => revoke(context, user, platform, options),
  );
  command('forget', 'delete everything that the vault holds of a user', 'user').action(
    (user: string, options: CallOptions) => forget(context, user, options),
  );
};

const store = async (context: CommandContext, user: string, platform: string, options: StoreOptions): Promise<void> => {
  const { idempotencyKey } = options;
  const facts = {
    userId: user,
    platform,
    expiresAt: options.expiresAt === undefined ? null : pointInTime('--expires-at', options.expiresAt),
    refreshExpiresAt:
      options.refreshExpiresAt === undefined ? null : pointInTime('--refresh-expires-at', options.refreshExpiresAt),
    scopes: options.scope ?? [],
    tokenType: options.tokenType,
    params: pairs('--param', options.param ?? []),
    flowId: options.flowId,
    allowAccountChange: options.allowAccountChange,
  };
  const tokens = await readTokens(context.terminal, options);
  const stored = await asEngine(context, options, (vault) =>
    vault.storeToken({ ...facts, ...tokens }, { idempotencyKey }),
  );
  answer(context, options, { user_id: user, platform, token_version: stored.tokenVersion, revision: stored.revision }, [
    `${platform} of ${user} is stored (token version ${stored.tokenVersion})`,
  ]);
};

const get = async (context: CommandContext, user: string, platform: string, options: GetOptions): Promise<void> => {
  const { minValidity, rejectedVersion } = options;
  const asked = {
    userId: user,
    platform,
    minValiditySeconds: minValidity === undefined ? null : wholeNumber('--min-validity', minValidity, 0, 86_400),
    rejectedVersion:
      rejectedVersion === undefined ? null : wholeNumber('--rejected-version', rejectedVersion, 1, LARGEST_INTEGER),
  };
  const token = await asEngine(context, options, (vault) => vault.getToken(asked));
  answer(context, options, tokenFacts(token), [token.accessToken]);
  if (token.warning !== null) context.terminal.note(`warning: ${token.warning}`);
};

const status = async (context: CommandContext, user: string, options: CallOptions): Promise<void> => {
  const found = await asEngine(context, options, (vault) => vault.getStatus({ userId: user }));
  answer(context, options, statusFacts(found), statusLines(found));
};

const start = async (context: CommandContext, user: string, platform: string, options: StartOptions): Promise<void> => {
  const { flowId, idempotencyKey } = options;
  const started = await asEngine(context, options, (vault) =>
    vault.startConnection({ userId: user, platform, flowId }, { idempotencyKey }),
  );
  answer(context, options, flowFacts(started), [
    `${user} has begun to connect ${platform} (flow ${started.flowId}, until ${started.expiresAt.toISOString()})`,
  ]);
};

const revoke = async (context: CommandContext, user: string, platform: string, options: CallOptions): Promise<void> => {
  const { revision, providerOutcome, providerReason } = await asEngine(context, options, (vault) =>
    vault.revokeToken({ userId: user, platform }),
  );
  const provider = { provider_outcome: providerOutcome, provider_reason: providerReason };
  answer(context, options, { user_id: user, platform, revision, ...provider }, [`${platform} of ${user} is revoked`]);
  if (providerOutcome === 'failed')
    context.terminal.note(`warning: the grant may live on at the provider (${providerReason ?? 'unknown'})`);
};

const forget = async (context: CommandContext, user: string, options: CallOptions): Promise<void> => {
  const { connections } = await asEngine(context, options, (vault) => vault.forgetUser({ userId: user }));
  answer(context, options, { user_id: user, connections }, [`${user} is forgotten (${connections} connections)`]);
};

const answer = ({ terminal }: CommandContext, options: CallOptions, facts: object, lines: readonly string[]): void => {
  if (options.json) terminal.out(json(facts));
  else for (const line of lines) terminal.out(line);
};

const MAX_TIMEOUT_MS = 600_000;

const asEngine = async <T>(
  { config }: CommandContext,
  options: CallOptions,
  ask: (vault: VaultClient) => Promise<T>,
): Promise<T> => {
  const timeoutMs = wholeNumber('--timeout', options.timeout, 1, MAX_TIMEOUT_MS);
  const { kafka, registry, engine, credential } = config.token(
    options.as === undefined ? undefined : engineId(options.as),
  );
  const { brokers, topicPrefix, ssl, sasl } = kafka;
  const vault = await connectVault({
    brokers,
    topicPrefix,
    ssl,
    sasl,
    registryUrl: registry.url,
    engine,
    credential,
    timeoutMs,
  });
  try {
    return await ask(vault);
  } finally {
    await vault.close();
  }
};
