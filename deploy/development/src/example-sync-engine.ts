import {
  type ConnectionStateView,
  openConnectionStateView,
  type StateFilter,
  type UserState,
} from '@vault-engine/client';
import {
  type Environment,
  kafkaSettings,
  readConfig,
  registrySettings,
  runService,
  type ServiceContext,
  serviceSettings,
} from '@vault-engine/runtime';
import { promptsOf } from './prompts-of.ts';

/**
 * An example of a calling engine: it keeps a view of all users' connections without calling the vault, and knows which user
 * has to act. It prints these prompts; every line that is not JSON is a prompt.
 */
const readEngineConfig = (env: Environment) =>
  readConfig({ ...serviceSettings, kafka: kafkaSettings, registry: registrySettings }, env);

type Context = ServiceContext<ReturnType<typeof readEngineConfig>>;

/** Actions that only a user can perform. */
const WANTED: StateFilter = { actions: ['REAUTH', 'RESUME', 'CONNECT'] };

const start = async ({ config, log, part, stopping, fatal }: Context): Promise<void> => {
  const { brokers, topicPrefix, ssl, sasl } = config.kafka;
  const place = {
    brokers,
    topicPrefix,
    ssl,
    sasl,
    registryUrl: config.registry.url,
    registryAccess: config.registry.access,
  };
  const view = await part(
    'connection-state',
    () => openConnectionStateView({ ...place, clientId: 'example-sync-engine' }),
    (open) => open.close(),
  );
  await view.ready;
  log.info('connection states loaded', { count: view.size });
  followPrompts(view, stopping).catch(fatal);
};

/** First all users who have to act now, then every change. */
const followPrompts = async (view: ConnectionStateView, signal: AbortSignal): Promise<void> => {
  const changes = view.changes({ ...WANTED, signal });
  const print = printOnce();
  for (const user of view.users(WANTED)) print(user);
  for await (const user of changes) print(user);
};

/** Prints a user's prompts, unless they are the same as last time. */
const printOnce = (): ((user: UserState) => void) => {
  const printed = new Map<string, string>();
  return (user) => {
    const prompts = promptsOf(user, Date.now());
    const keys = prompts.map(({ key }) => key).join(' ');
    if (keys === (printed.get(user.userId) ?? '')) return;
    printed.set(user.userId, keys);
    for (const { text } of prompts) process.stdout.write(`${text}\n`);
  };
};

await runService({ name: 'example-sync-engine', config: () => readEngineConfig(process.env), start });
