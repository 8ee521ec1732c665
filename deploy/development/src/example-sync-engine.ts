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
 * An engine as a product has one: it keeps a view of all users' connections, asks the vault nothing, and says whom to ask
 * for what. Here it prints that; a line that is no JSON is a prompt.
 */
const readEngineConfig = (env: Environment) =>
  readConfig({ ...serviceSettings, kafka: kafkaSettings, registry: registrySettings }, env);

type Context = ServiceContext<ReturnType<typeof readEngineConfig>>;

/** What a user can do something about. */
const WANTED: StateFilter = { actions: ['REAUTH', 'RESUME', 'CONNECT'] };

const start = async ({ config, log, part, stopping, fatal }: Context): Promise<void> => {
  const { brokers, topicPrefix, ssl, sasl } = config.kafka;
  const place = { brokers, topicPrefix, ssl, sasl, registryUrl: config.registry.url };
  const view = await part(
    'connection-state',
    () => openConnectionStateView({ ...place, clientId: 'example-sync-engine' }),
    (open) => open.close(),
  );
  await view.ready;
  log.info('knows how all connections stand', { count: view.size });
  followPrompts(view, stopping).catch(fatal);
};

/** First those who are to be asked now, then whoever changes. */
const followPrompts = async (view: ConnectionStateView, signal: AbortSignal): Promise<void> => {
  const changes = view.changes({ ...WANTED, signal });
  const tell = tellOnce();
  for (const user of view.users(WANTED)) tell(user);
  for await (const user of changes) tell(user);
};

/** Prints what a user is to do, unless that is what the user was last told. */
const tellOnce = (): ((user: UserState) => void) => {
  const told = new Map<string, string>();
  return (user) => {
    const prompts = promptsOf(user, Date.now());
    const keys = prompts.map(({ key }) => key).join(' ');
    if (keys === (told.get(user.userId) ?? '')) return;
    told.set(user.userId, keys);
    for (const { text } of prompts) process.stdout.write(`${text}\n`);
  };
};

await runService({ name: 'example-sync-engine', config: () => readEngineConfig(process.env), start });
