import { type BusRecord, offsetsAt, readTopic } from '@vault-engine/bus';
import { type AuditRecord, type ConnectionChanged, GATEWAY } from '@vault-engine/contracts';
import { HEADER, uuidText } from '@vault-engine/protocol';
import type { TestVault } from '../flow/open-vault.ts';

/** A command as it lies in its topic. Each attempt of a caller is a command of its own. */
export interface CommandSeen {
  readonly partition: number;
  readonly offset: bigint;
  /** Canonical UUID. */
  readonly requestId: string;
  readonly user: string;
  readonly idempotencyKey: string | null;
}

/** The replies to one request. */
export interface ReplySeen {
  readonly type: string;
  /** The error code of a `CommandFailed`. */
  readonly code: string | null;
  /** When the broker appended it, Unix milliseconds. */
  readonly at: number;
}

/** An audit record, and when the broker appended it. */
export type AuditSeen = AuditRecord & { readonly at: number };

/** What the topics hold after the traffic. */
export interface Evidence {
  readonly commands: readonly CommandSeen[];
  /** By request id, the first one first. */
  readonly replies: ReadonlyMap<string, readonly ReplySeen[]>;
  /** Each record once, as it was first written. */
  readonly audits: readonly AuditSeen[];
  /** Without repetitions of the same event. */
  readonly events: readonly ConnectionChanged[];
}

/** Reads everything that one can know about a vault from its topics; `since`: only what was appended then or later. */
export const readEvidence = async (vault: TestVault, since = 0): Promise<Evidence> => {
  const { topics, engines } = vault;
  const callers = [...Object.keys(engines), GATEWAY];
  const [commands, replies, audits, events] = await Promise.all([
    collect(vault, topics.commands, since, commandSeen),
    Promise.all(callers.map((caller) => collect(vault, topics.replies(caller), since, replySeen))),
    collect(vault, topics.auditLog, since, auditSeen),
    collect(vault, topics.connectionEvents, since, eventSeen),
  ]);
  return {
    commands,
    replies: groupBy(inTime(replies.flat()), ({ requestId }) => requestId),
    audits: distinct(inTime(audits), ({ record_id }) => record_id),
    events: distinct(events, ({ event_id }) => event_id),
  };
};

const collect = async <Seen>(
  vault: TestVault,
  topic: string,
  since: number,
  read: (vault: TestVault, record: BusRecord) => Promise<Seen | null> | Seen | null,
): Promise<readonly Seen[]> => {
  const all: Seen[] = [];
  const range = since === 0 ? {} : { from: await offsetsAt(vault.bus, topic, since) };
  for await (const record of readTopic(vault.bus, topic, range)) {
    const seen = await read(vault, record);
    if (seen !== null) all.push(seen);
  }
  return all;
};

/** What has no command id is nobody's command. */
const commandSeen = (_vault: TestVault, { partition, offset, key, headers }: BusRecord): CommandSeen | null => {
  const requestId = requestIdOf(headers);
  const idempotencyKey = headers[HEADER.idempotencyKey]?.toString() ?? null;
  return requestId === '' ? null : { partition, offset, requestId, user: String(key), idempotencyKey };
};

const replySeen = async (
  { codec }: TestVault,
  { value, headers, timestamp: at }: BusRecord,
): Promise<(ReplySeen & { readonly requestId: string }) | null> => {
  const decoded = await codec.decode(value);
  if (!decoded.ok) return null;
  const code = decoded.name === 'CommandFailed' ? decoded.value.error_code : null;
  return { requestId: requestIdOf(headers), type: decoded.name, code, at };
};

const auditSeen = async ({ codec }: TestVault, { value, timestamp: at }: BusRecord): Promise<AuditSeen | null> => {
  const decoded = await codec.decode(value);
  return decoded.ok && decoded.name === 'AuditRecord' ? { ...decoded.value, at } : null;
};

const eventSeen = async ({ codec }: TestVault, { value }: BusRecord): Promise<ConnectionChanged | null> => {
  const decoded = await codec.decode(value);
  return decoded.ok && decoded.name === 'ConnectionChanged' ? decoded.value : null;
};

const requestIdOf = (headers: BusRecord['headers']): string => {
  const correlation = headers[HEADER.correlationId];
  return correlation?.length === 16 ? uuidText(correlation) : '';
};

/** Partitions are read side by side. */
const inTime = <Item extends { readonly at: number }>(items: readonly Item[]): readonly Item[] =>
  items.toSorted((a, b) => a.at - b.at);

/** The first of each id, in the order of the items. */
const distinct = <Item>(items: readonly Item[], idOf: (item: Item) => string): readonly Item[] => {
  const seen = new Set<string>();
  return items.filter((item) => {
    const isNew = !seen.has(idOf(item));
    seen.add(idOf(item));
    return isNew;
  });
};

/** By key, in the order of the items. */
export const groupBy = <Item>(
  items: readonly Item[],
  keyOf: (item: Item) => string,
): ReadonlyMap<string, readonly Item[]> => Map.groupBy(items, keyOf);
