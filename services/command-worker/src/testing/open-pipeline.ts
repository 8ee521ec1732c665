import { createHash } from 'node:crypto';
import type { BusRecord, HandlerResult, Outgoing } from '@vault-engine/bus';
import type { Decoded } from '@vault-engine/contracts';
import { dataKey } from '@vault-engine/crypto';
import { openMemoryStore } from '@vault-engine/token-store/memory';
import {
  type AuditEntry,
  type Journal,
  memoryCircuits,
  type PlatformId,
  type Providers,
  type Vault,
  type WrappedDataKey,
} from '@vault-engine/vault';
import { limitInFlight } from '../in-flight.ts';
import { rateLimit } from '../rate-limit.ts';
import type { Received } from '../receive.ts';
import { keepRefusals } from '../refusals.ts';
import type { ReplyTopics } from '../reply-address.ts';
import { type CommandParts, type Served, serveCommand, type UnauthenticatedRecord } from '../serve-command.ts';
import { NOW, plainCodec, type SampleEngine, tableOf } from './command-samples.ts';

export const REPLY_TOPICS: ReplyTopics = {
  ofEngine: (engine) => `vault.replies.${engine}`,
  gateway: 'vault.replies.gateway',
};

const WRAPPED: WrappedDataKey = { kid: Buffer.alloc(16, 1), wrapped: Buffer.from('wrapped') };
const KEY = dataKey(WRAPPED.kid, createHash('sha256').update('a data key for tests').digest());
const PLATFORMS = ['gmail', 'slack'].map((id) => ({ id: id as PlatformId, displayName: id })); // ids of the fake catalog

/** No provider is registered: nothing is refreshed, identified or revoked. */
const NO_PROVIDERS: Providers = {
  terms: () => null,
  clientId: () => null,
  admit: async () => ({ ok: true }),
  inTurn: (_platform, work) => work(),
  refresh: async () => ({
    kind: 'failed',
    answeredBy: 'not_sent',
    says: 'application_fault',
    reason: 'not_registered',
    status: null,
    code: null,
    retryAfterMs: null,
  }),
  introspect: async () => 'unknown',
  refreshTimeoutMs: 1_000,
  circuits: memoryCircuits(),
  revoke: async () => ({ kind: 'not_supported' }),
  identify: async () => ({ ok: true, value: null }),
};

/** The pipeline on fake ports, and a record of its effects. */
export interface Pipeline {
  readonly parts: CommandParts;
  readonly vault: Vault;
  readonly sent: Outgoing[];
  readonly audited: AuditEntry[];
  readonly served: Served[];
  readonly attempts: [engine: string | null, reason: string][];
  readonly notified: Received[];
  readonly unauthenticated: UnauthenticatedRecord[];
  /** Topics whose partition count was forgotten. */
  readonly forgotten: string[];
  readonly serve: (
    record: BusRecord,
    turn?: Partial<Parameters<ReturnType<typeof serveCommand>>[1]>,
  ) => Promise<HandlerResult>;
}

/** What a test replaces. */
export interface PipelineChanges {
  readonly now?: () => number;
  readonly journal?: Partial<Journal>;
  readonly store?: Partial<Vault['store']>;
  readonly parts?: Partial<CommandParts>;
}

/** Opens a pipeline that knows `engines`, on the in-memory token store. The clock stands at {@link NOW}. */
export const openPipeline = (engines: readonly SampleEngine[], changes: PipelineChanges = {}): Pipeline => {
  const now = changes.now ?? (() => NOW);
  const audited: AuditEntry[] = [];
  const sent: Outgoing[] = [];
  const served: Served[] = [];
  const attempts: [string | null, string][] = [];
  const notified: Received[] = [];
  const unauthenticated: UnauthenticatedRecord[] = [];
  const forgotten: string[] = [];
  let ids = 0;
  const vault: Vault = {
    store: { ...openMemoryStore({ now }), ...changes.store },
    keys: {
      keyOf: () => KEY,
      newKey: async () => ({ dataKey: KEY, wrapped: WRAPPED }),
      rewrap: async () => null,
      evict: () => undefined,
    },
    journal: {
      encodeAudit: (entry) => Buffer.from(JSON.stringify(entry)),
      encodeEvent: (event) => Buffer.from(JSON.stringify(event)),
      record: async (audit) => void audited.push(JSON.parse(audit.toString()) as AuditEntry), // as `encodeAudit` wrote it
      publish: async () => undefined,
      ...changes.journal,
    },
    platforms: {
      displayName: (platform) => PLATFORMS.find(({ id }) => id === platform)?.displayName ?? null,
      all: () => PLATFORMS,
      flowMs: () => 600_000,
      grantMs: () => null,
    },
    providers: NO_PROVIDERS,
    now,
    uuid: () => {
      ids += 1;
      return `00000000-0000-4000-8000-${String(ids).padStart(12, '0')}`;
    },
    dedupeTtlMs: 7_200_000,
  };
  const parts: CommandParts = {
    vault,
    refresher: {
      refresh: () => Promise.reject(new Error('nothing is refreshed in this test')),
      processDue: () => Promise.reject(new Error('nothing is refreshed in this test')),
      underWay: 0,
      drain: async () => true,
    },
    codec: plainCodec,
    table: tableOf(...engines.map(({ engine }) => engine)),
    replies: {
      send: async (message) => {
        sent.push(message);
        return { partition: message.partition ?? 0, offset: 0n };
      },
    },
    topics: REPLY_TOPICS,
    partitionCount: Object.assign(async () => 4, { forget: (topic: string) => void forgotten.push(topic) }),
    inFlight: limitInFlight({ commands: 100, bytes: 1_000_000 }),
    refusals: keepRefusals(vault),
    expectedPartition: () => null,
    admission: { now, retentionMs: 3_600_000, takeToken: rateLimit() },
    onUnauthenticated: (refused) => void unauthenticated.push(refused),
    attempts: { note: (engine, reason) => void attempts.push([engine, reason]) },
    notify: (received) => void notified.push(received),
    onServed: (one) => void served.push(one),
    ...changes.parts,
  };
  const handle = serveCommand(parts);
  return {
    parts,
    vault,
    sent,
    audited,
    served,
    attempts,
    notified,
    unauthenticated,
    forgotten,
    serve: (record, turn = {}) =>
      handle(record, {
        attempt: 1,
        ordered: true,
        releaseKeyOrder: () => undefined,
        runOutsideConcurrencyLimit: (work) => work,
        signal: new AbortController().signal,
        ...turn,
      }),
  };
};

/** The record in a reply. */
export const replyIn = (message: Outgoing | undefined): Decoded => {
  const decoded = plainCodec.decode(message?.value ?? null);
  if (decoded instanceof Promise) throw new Error('the plain codec decodes at once');
  return decoded;
};
