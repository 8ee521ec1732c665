import { randomUUID } from 'node:crypto';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { secretOf } from '@vault-engine/crypto/plaintext';
import { writePlatforms } from '@vault-engine/development';
import { createBranchKeys, createDataKeys, openLocalWrapper } from '@vault-engine/kms';
import {
  openCatalog,
  openOutbound,
  openProviders,
  openSharedCircuits,
  openSharedRate,
  type WrittenProfile,
} from '@vault-engine/platforms';
import { openRedisStore } from '@vault-engine/token-store';
import {
  type ConnectionRecord,
  createRefresher,
  type PlatformId,
  platformId,
  type Refresher,
  type TokenStore,
  type UserId,
  type Vault,
} from '@vault-engine/vault';
import { openWorld } from '@vault-engine/world';
import { type Asking, ask, type Told } from './ask.ts';
import { connect, type Tokens } from './connect.ts';
import { type ListingJournal, listingJournal } from './listing-journal.ts';

/** What a test may have otherwise. */
export interface RefreshesOptions {
  readonly profile: WrittenProfile;
  /** How long one request to the provider may take; a second where nothing is said. */
  readonly timeoutMs?: number;
  /** What a lease lasts beyond twice that; five seconds where nothing is said. */
  readonly persistMs?: number;
  /** Where the store is reached, given where it is. */
  readonly storeAt?: (url: string, keyPrefix: string) => Promise<string>;
}

/** A store, providers and a renewer on real parts; the journal is a list, so that a test sees what is written when. */
export interface Refreshes extends Omit<ListingJournal, 'journal'> {
  readonly vault: Vault;
  readonly store: TokenStore;
  readonly platform: PlatformId;
  /** Moves the clock of the vault on; the store's stays. */
  readonly pass: (ms: number) => void;
  /** One more renewer, as another process has one. Its parts can be others than those of the vault. */
  readonly refresher: (parts?: Partial<Vault>) => Refresher;
  /** Rejects where the vault refuses. */
  readonly connect: (tokens: Tokens) => Promise<UserId>;
  /** Lets another user's refresh succeed: the client is off probation, and the platform has healthy neighbours now. */
  readonly succeed: () => Promise<void>;
  readonly recordOf: (user: UserId) => Promise<ConnectionRecord>;
  /** Asks for the user's token, by default with a renewer of this vault's own. */
  readonly ask: (user: UserId, asking?: Asking) => Promise<Told>;
  /** What has been audited of a user: action, result and reason of each, in their order. */
  readonly auditOf: (user: UserId) => readonly string[];
  /** What everybody has been told of a user, in their order. */
  readonly changesOf: (user: UserId) => readonly string[];
  readonly close: () => Promise<void>;
}

const PLATFORM = 'testing';
const CLIENT = { id: 'vault', secret: 'client-secret-of-the-authorization-server' };
/** What waits between attempts need not be as long as in life. */
const HASTE = 10;

/** Opens one. */
export const openRefreshes = async (options: RefreshesOptions): Promise<Refreshes> => {
  const world = await openWorld();
  const folder = await mkdtemp(join(tmpdir(), 'vault-engine-test-'));
  const { storeAt = async (url: string) => url, persistMs } = options;
  const keyPrefix = `${world.keyPrefix}renewals`;
  const store = await openRedisStore({
    url: await storeAt(world.redisUrl, keyPrefix),
    keyPrefix,
    requireDurable: false,
  });
  const reached = await reachProviders(options, folder, { url: world.redisUrl, keyPrefix });
  const { platform, catalog, now } = reached;
  const { journal, audited, events, auditFails } = listingJournal();
  const wrapper = await openLocalWrapper({ keyFile: join(folder, 'local.key'), create: true });
  const vault: Vault = {
    store,
    keys: createDataKeys({
      wrapper,
      env: 'development',
      branchKeys: createBranchKeys({ wrapper, store: store.branchKeys, env: 'development' }),
    }),
    journal,
    platforms: catalog,
    providers: reached.providers,
    now,
    uuid: randomUUID,
    dedupeTtlMs: 60_000,
  };
  const refresher = (parts: Partial<Vault> = {}) =>
    createRefresher(
      { ...vault, ...parts },
      { sleep: (ms) => sleep(ms / HASTE), random: Math.random, ...(persistMs !== undefined && { persistMs }) },
    );
  const own = refresher();
  return {
    vault,
    store,
    platform,
    audited,
    events,
    auditFails,
    pass: reached.pass,
    refresher,
    connect: async (tokens) => {
      const connected = await connect(vault, platform, tokens);
      return connected.ok ? connected.user : fail();
    },
    succeed: async () => {
      const connected = await connect(vault, platform, { refresh: `neighbour-${randomUUID()}` });
      const told = connected.ok ? await ask(vault, own, { user: connected.user, platform }) : fail();
      if (told.code !== 'ok') fail();
    },
    recordOf: async (user) => (await store.readConnection(user, platform)).record ?? fail(),
    ask: (user, asking) => ask(vault, own, { user, platform }, asking),
    auditOf: (user) => audited.filter((entry) => entry.userId === user).map(auditText),
    changesOf: (user) => events.filter((event) => event.userId === user).map((event) => event.change),
    close: async () => {
      await own.drain(5_000);
      await store.close();
      await reached.close();
      await world.close();
      await rm(folder, { recursive: true, force: true });
    },
  };
};

const fail = (): never => {
  throw new Error('not there');
};

const auditText = ({ action, result, reason }: ListingJournal['audited'][number]): string =>
  [action, result, ...(reason === null ? [] : [reason])].join(' ');

const reachProviders = async (
  { profile, timeoutMs = 1_000 }: RefreshesOptions,
  folder: string,
  counted: { readonly url: string; readonly keyPrefix: string },
) => {
  const { profileFolders } = await writePlatforms(folder, [{ id: PLATFORM, profile, client: null }]);
  const catalog = await openCatalog(profileFolders, { allowInsecureLoopback: true });
  const platform = platformId(PLATFORM) ?? fail();
  const clients = new Map([[platform, { id: CLIENT.id, secret: secretOf(Buffer.from(CLIENT.secret)) }]]);
  const outbound = openOutbound({ allowInsecureLoopback: true, timeoutMs });
  const rate = openSharedRate(counted);
  const circuits = openSharedCircuits(counted);
  let passed = 0;
  const now = () => Date.now() + passed;
  return {
    platform,
    catalog,
    now,
    pass: (ms: number) => {
      passed += Math.ceil(ms);
    },
    providers: openProviders({ catalog, clients, outbound, rate, circuits, now, random: Math.random }),
    close: async () => {
      outbound.close();
      await rate.close();
      await circuits.close();
    },
  };
};
