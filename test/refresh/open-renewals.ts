import { createSecretKey, randomBytes, randomUUID } from 'node:crypto';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { secretOf } from '@vault-engine/crypto/plaintext';
import { writePlatforms } from '@vault-engine/development';
import { createDataKeys, openLocalWrapper } from '@vault-engine/kms';
import { openCatalog, openOutbound, openProviders, openSharedRate, type WrittenProfile } from '@vault-engine/platforms';
import { openRedisStore } from '@vault-engine/token-store';
import {
  type AuditEntry,
  type Call,
  type ConnectionEvent,
  type ConnectionRecord,
  change,
  createRenewer,
  type EngineId,
  engineId,
  type Journal,
  type PlatformId,
  PortUnavailable,
  platformId,
  type Renewer,
  storeToken,
  type TokenStore,
  type UserId,
  userId,
  type Vault,
} from '@vault-engine/vault';
import { openWorld } from '@vault-engine/world';

/** What a test may have otherwise. */
export interface RenewalsOptions {
  readonly profile: WrittenProfile;
  /** How long one request to the provider may take; a second where nothing is said. */
  readonly timeoutMs?: number;
}

/** A store, providers and a renewer on real parts; the journal is a list, so that a test sees what is written when. */
export interface Renewals {
  readonly vault: Vault;
  readonly store: TokenStore;
  readonly platform: PlatformId;
  readonly audited: readonly AuditEntry[];
  readonly events: readonly ConnectionEvent[];
  /** Makes writing to the audit log fail, or not any more. */
  readonly auditFails: (fails: boolean) => void;
  /** Moves the clock of the vault on; the store's stays. */
  readonly pass: (ms: number) => void;
  /** One more renewer, as another process has one. */
  readonly renewer: () => Renewer;
  readonly connect: (tokens: Tokens) => Promise<UserId>;
  readonly recordOf: (user: UserId) => Promise<ConnectionRecord>;
  readonly close: () => Promise<void>;
}

/** What a user's consent leaves an engine with. */
export interface Tokens {
  readonly access?: string;
  readonly refresh?: string | null;
  /** Milliseconds from now; already lapsed where nothing is said. */
  readonly expiresInMs?: number | null;
  readonly refreshExpiresInMs?: number | null;
}

const PLATFORM = 'testing';
const CLIENT = { id: 'vault', secret: 'client-secret-of-the-authorization-server' };

/** Opens one. */
export const openRenewals = async ({ profile, timeoutMs = 1_000 }: RenewalsOptions): Promise<Renewals> => {
  const world = await openWorld();
  const folder = await mkdtemp(join(tmpdir(), 'vault-engine-test-'));
  const { profileFolders } = await writePlatforms(folder, [{ id: PLATFORM, profile, client: null }]);
  const catalog = await openCatalog(profileFolders, { allowInsecureLoopback: true });
  const platform = platformId(PLATFORM) ?? fail();
  const clients = new Map([[platform, { id: CLIENT.id, secret: secretOf(Buffer.from(CLIENT.secret)) }]]);
  const outbound = openOutbound({ allowInsecureLoopback: true, timeoutMs });
  const keyPrefix = `${world.keyPrefix}renewals`;
  const store = await openRedisStore({ url: world.redisUrl, keyPrefix, requireDurable: false });
  const rate = openSharedRate({ url: world.redisUrl, keyPrefix });
  let passed = 0;
  const now = () => Date.now() + passed;
  const { journal, ...written } = listingJournal();
  const vault: Vault = {
    store,
    keys: createDataKeys({
      wrapper: await openLocalWrapper({ keyFile: join(folder, 'local.key'), create: true }),
      env: 'development',
    }),
    journal,
    platforms: catalog,
    providers: openProviders({ catalog, clients, outbound, rate, now, random: Math.random }),
    now,
    uuid: randomUUID,
    rememberMs: 60_000,
  };
  return {
    vault,
    store,
    platform,
    ...written,
    pass: (ms) => {
      passed += ms;
    },
    renewer: () => createRenewer(vault, { sleep, random: Math.random }),
    connect: (tokens) => connect(vault, platform, tokens),
    recordOf: async (user) => (await store.readConnection(user, platform)).record ?? fail(),
    close: async () => {
      outbound.close();
      await rate.close();
      await store.close();
      await world.close();
      await rm(folder, { recursive: true, force: true });
    },
  };
};

const fail = (): never => {
  throw new Error('not there');
};

const listingJournal = () => {
  const audited: AuditEntry[] = [];
  const events: ConnectionEvent[] = [];
  let fails = false;
  const write = async <T>(list: T[], message: Buffer): Promise<void> => {
    if (fails) throw new PortUnavailable('audit', 'it fails');
    list.push(JSON.parse(message.toString()));
  };
  const journal: Journal = {
    encodeAudit: (entry) => Buffer.from(JSON.stringify(entry)),
    encodeEvent: (event) => Buffer.from(JSON.stringify(event)),
    record: (entry) => write(audited, entry),
    publish: (_user, event) => write(events, event),
  };
  return {
    journal,
    audited,
    events,
    auditFails: (now: boolean) => {
      fails = now;
    },
  };
};

const DEDUPE_KEY = createSecretKey(randomBytes(32));
const ENGINE: EngineId = engineId('action') ?? fail();

/** The call of an engine, under a fresh id. */
export const callOf = (action: string): Call => ({
  requestId: randomUUID(),
  engine: ENGINE,
  keyId: '00000000',
  action,
  idempotencyKey: randomUUID(),
  dedupeKey: DEDUPE_KEY,
});

const connect = async (vault: Vault, platform: PlatformId, tokens: Tokens): Promise<UserId> => {
  const { access = 'access-0', refresh = 'refresh-0', expiresInMs = -1, refreshExpiresInMs = null } = tokens;
  const user = userId(`user-${randomUUID()}`) ?? fail();
  const call = callOf('StoreToken');
  const at = (ms: number | null) => (ms === null ? null : vault.now() + ms);
  const command = {
    user,
    platform,
    allowAccountChange: false,
    access: secretOf(Buffer.from(access)),
    refresh: refresh === null ? null : secretOf(Buffer.from(refresh)),
    metadata: {
      tokenType: 'Bearer',
      scopes: ['files'],
      expiresAt: at(expiresInMs),
      refreshExpiresAt: at(refreshExpiresInMs),
      params: {},
    },
  };
  const mutation = storeToken(vault, call, command, { within: (ask) => ask(), sleep });
  await change(vault, call, mutation, await vault.store.readUser(user, platform, mutation.dedupeId));
  return user;
};
