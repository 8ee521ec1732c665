import { type BusOptions, connectBus } from '@vault-engine/bus/client';
import { openCodec, type SuggestedAction, topicNames } from '@vault-engine/contracts';
import { userId as toUserId, type UserId } from '@vault-engine/model';
import { followDecoded, followStates, readPlatform } from '@vault-engine/state';
import { ChangeFeed } from './change-feed.ts';
import type { VaultOptions } from './connect-vault.ts';
import { StateTable } from './state-table.ts';
import { suggests, type UserState, userState } from './user-state.ts';

/** Options of {@link openConnectionStateView}. A view needs no credential; the brokers' ACLs decide who may read the topics. */
export interface StateViewOptions
  extends Pick<VaultOptions, 'brokers' | 'registryUrl' | 'topicPrefix' | 'ssl' | 'sasl' | 'log'> {
  /** The client id in the brokers' logs. Default `vault-state-view`. */
  readonly clientId?: BusOptions['clientId'];
  /** Unix milliseconds. Default: the system's clock. */
  readonly now?: () => number;
}

/** Selects users. */
export interface StateFilter {
  /** Only users with a platform that suggests one of these actions. Default: all users. */
  readonly actions?: readonly SuggestedAction[];
}

/** Options of `changes`. */
export interface ChangesOptions extends StateFilter {
  /** Ends the iteration. */
  readonly signal?: AbortSignal;
}

/** The connection states of all users in memory, kept current. */
export interface ConnectionStateView {
  /** Resolves when every record that the topics had at the opening has been read. Rejects if they cannot be read. */
  readonly ready: Promise<void>;
  /** Whether {@link ready} has resolved. Until then users may be missing. */
  readonly caughtUp: boolean;
  /** The number of users with a snapshot. */
  readonly size: number;
  /** The current state of a user, with every platform. Revision 0 means that the user is unknown. */
  get(userId: string): UserState;
  /** All users with a snapshot, each with its state when the iteration reaches it. */
  users(filter?: StateFilter): IterableIterator<UserState>;
  /**
   * The state of each user that changes after this call, including forgotten users (revision 0). A slow reader gets the
   * latest state of a user that changed several times. A filter applies to the state after the change. Until the view has
   * caught up, all users are yielded. Throws if the topics can no longer be read.
   */
  changes(options?: ChangesOptions): AsyncIterableIterator<UserState>;
  /** Ends all iterations and closes the connections. */
  close(): Promise<void>;
}

/**
 * Opens a view of `vault.connection-state` and `vault.platforms`. Resolves when reading has begun. Reading survives restarts
 * of brokers and registry.
 */
export const openConnectionStateView = async (options: StateViewOptions): Promise<ConnectionStateView> => {
  const { brokers, registryUrl, topicPrefix, ssl, sasl, log, clientId = 'vault-state-view' } = options;
  const now = options.now ?? Date.now;
  const topics = topicNames(topicPrefix);
  const bus = connectBus({ brokers, clientId, ssl, sasl, ...(log === undefined ? {} : { log }) });
  const codec = await openCodec({ registryUrl, types: ['ConnectionState', 'PlatformEntry'] });
  const table = new StateTable(codec, now);
  const names = new Map<string, string>();
  const feeds = new Set<ChangeFeed<UserId>>();
  const lost = Promise.withResolvers<never>();
  const onFatal = (error: unknown): void => {
    const failure =
      error instanceof Error ? error : new Error('the state topics can no longer be read; open a new view');
    log?.('error', 'connection state consumer failed', { error: failure.message });
    lost.reject(failure);
    for (const feed of feeds) feed.fail(failure);
  };

  const platforms = await followDecoded({
    bus,
    topic: topics.platforms,
    read: (record) => readPlatform(codec, record),
    onRead: (platform) => {
      if (platform === null) return;
      if (platform.displayName === null) names.delete(platform.id);
      else names.set(platform.id, platform.displayName);
    },
    onFatal,
  });
  const closing = [() => platforms.close()];
  try {
    const states = await followStates({
      bus,
      codec,
      topic: topics.connectionState,
      onRecord: (record) => {
        if ('user' in record && table.take(record)) for (const feed of feeds) feed.push(record.user);
      },
      onReset: ({ topic }) => log?.('warn', 'topic recreated, reading from its beginning', { topic }),
      onFatal,
    });
    closing.push(() => states.close());
    return viewOf(
      { table, names, feeds, now, close: () => closeAll(closing) },
      [platforms.ready, states.ready],
      lost.promise,
    );
  } catch (error) {
    await closeAll(closing);
    throw error;
  }
};

interface ViewParts {
  readonly table: StateTable;
  readonly names: ReadonlyMap<string, string>;
  readonly feeds: Set<ChangeFeed<UserId>>;
  readonly now: () => number;
  readonly close: () => Promise<void>;
}

const viewOf = (parts: ViewParts, caughtUp: readonly Promise<void>[], lost: Promise<never>): ConnectionStateView => {
  const { table, feeds } = parts;
  const known = { all: false };
  const ready = Promise.race([Promise.all(caughtUp), lost]).then(() => {
    known.all = true;
  });
  // Its rejection must not be unhandled where the caller only iterates; iterations report the failure too.
  ready.catch(() => undefined);
  const get = (user: string): UserState => {
    const id = toUserId(user);
    return userState(user, id === null ? null : table.get(id), parts.names, parts.now());
  };
  return {
    ready,
    get caughtUp() {
      return known.all;
    },
    get size() {
      return table.size;
    },
    get,
    users: (filter = {}) => passing(table.users(), get, filter),
    changes: (options = {}) => follow(feeds, get, options),
    close: async () => {
      for (const feed of feeds) feed.stop();
      await parts.close();
    },
  };
};

const passing = function* (
  users: Iterable<UserId>,
  get: (user: string) => UserState,
  { actions }: StateFilter,
): Generator<UserState, void> {
  const wanted = actions === undefined ? null : new Set(actions);
  for (const user of users) {
    const state = get(user);
    if (wanted === null || suggests(state, wanted)) yield state;
  }
};

/** Listens from the call on, not only from the first step of the iteration. The feed is released when the reader returns. */
const follow = (
  feeds: Set<ChangeFeed<UserId>>,
  get: (user: string) => UserState,
  { signal, ...filter }: ChangesOptions,
): AsyncIterableIterator<UserState> => {
  const feed = new ChangeFeed<UserId>();
  const leave = (): void => {
    feeds.delete(feed);
    signal?.removeEventListener('abort', leave);
    feed.stop();
  };
  feeds.add(feed);
  signal?.addEventListener('abort', leave);
  if (signal?.aborted) leave();
  const states = statesOf(feed, get, filter);
  const changes: AsyncIterableIterator<UserState> = {
    next: () => states.next(),
    return: () => {
      leave();
      return states.return();
    },
    [Symbol.asyncIterator]: () => changes,
  };
  return changes;
};

const statesOf = async function* (
  feed: ChangeFeed<UserId>,
  get: (user: string) => UserState,
  filter: StateFilter,
): AsyncGenerator<UserState, void> {
  for await (const user of feed.read()) yield* passing([user], get, filter);
};

const closeAll = async (closing: readonly (() => Promise<void>)[]): Promise<void> => {
  for (const close of closing.toReversed()) await close();
};
