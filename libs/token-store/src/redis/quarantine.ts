import { hash } from 'node:crypto';
import { BrokenRow, type PlatformId, type UserId } from '@vault-engine/vault';
import type { Quarantine, QuarantineEntry, QuarantineKind } from '../quarantine.ts';
import { dueMember, SHARDS, shardOf } from './keys.ts';
import type { Link } from './link.ts';
import { isObject, isText, isWhole, isWholeOrNull } from './parse-fields.ts';
import { asFields, runScript } from './run-script.ts';
import { QUARANTINE, UNQUARANTINE } from './scripts.ts';

// The quarantine of a shard is the hash `vault:{s}:quarantine`: from the rest of an entry's id to JSON, with bytes in base64. A
// script writes it and deletes the original in one step. An entry's id depends on its content alone, so moving it twice is harmless.

/** Moves a pending transition that does not parse out of its stream. `fields`: names and values in turn. */
export const quarantinePending = async (
  link: Link,
  shard: string,
  {
    entryId,
    fields,
    reason,
  }: { readonly entryId: string; readonly fields: readonly Buffer[]; readonly reason: string },
): Promise<void> => {
  const entry = { kind: 'pending', reason, content: fields, dueMember: null, dueAt: null } as const;
  await moveAside(link, { shard, rest: `pending.${entryId}`, entry }, 'XDEL', entryId);
};

/** Moves a member of the due index that does not parse out of the index. */
export const quarantineDue = async (
  link: Link,
  shard: string,
  { member, dueAt, reason }: { readonly member: Buffer; readonly dueAt: number; readonly reason: string },
): Promise<void> => {
  const entry = { kind: 'due', reason, content: [member], dueMember: member, dueAt } as const;
  await moveAside(link, { shard, rest: `due.${digestOf(member)}`, entry }, 'ZREM', member);
};

/**
 * Notes a broken row in the quarantine and moves the connection's due entry there, so that the scheduler does not meet the row again
 * and again. Resolves to `error`, for the caller to throw; does nothing for another error.
 */
export const quarantineBrokenRow = async (
  link: Link,
  user: UserId,
  platform: PlatformId | null,
  error: unknown,
): Promise<unknown> => {
  if (error instanceof BrokenRow && (error.kind === 'user' || error.kind === 'record')) {
    // The caller gets the broken row in any case; the next read tries again to note it.
    await quarantineRow(link, user, platform, error.kind, error.message).catch(() => undefined);
  }
  return error;
};

const quarantineRow = async (
  link: Link,
  user: UserId,
  platform: PlatformId | null,
  kind: 'user' | 'record',
  reason: string,
): Promise<void> => {
  const [shard, member] = [shardOf(user), Buffer.from(dueMember({ user, platform }))];
  const score = await link.retry(() => link.redis.zscore(link.keys.due(shard), member));
  const moved = score === null ? { dueMember: null, dueAt: null } : { dueMember: member, dueAt: Number(score) };
  const entry = { kind, reason, content: [member], ...moved } as const;
  await moveAside(link, { shard, rest: `${kind}.${digestOf(member)}`, entry }, 'ZREM', member);
};

type NewEntry = Omit<QuarantineEntry, 'id' | 'quarantinedAt'>;

const moveAside = async (
  link: Link,
  { shard, rest, entry }: { readonly shard: string; readonly rest: string; readonly entry: NewEntry },
  command: 'XDEL' | 'ZREM',
  member: string | Buffer,
): Promise<void> => {
  const names = [link.keys.quarantine(shard), command === 'XDEL' ? link.keys.pending(shard) : link.keys.due(shard)];
  const args = [rest, entryText({ ...entry, quarantinedAt: Date.now() }), command, member];
  const [isNew] = asFields(await link.retry(async () => (await runScript(link.redis, QUARANTINE, names, args))[0]));
  if (String(isNew) === '1') link.onQuarantined({ id: `${shard}.${rest}`, kind: entry.kind, reason: entry.reason });
};

/** The quarantine of all shards. */
export const quarantineOf = (open: () => Link): Quarantine => {
  const stored = async (id: string): Promise<{ readonly id: EntryId; readonly text: string } | null> => {
    const { redis, keys, retry } = open();
    const split = splitId(id);
    if (split === null) return null;
    const text = await retry(() => redis.hget(keys.quarantine(split.shard), split.rest));
    return text === null ? null : { id: split, text };
  };
  return {
    list: async (limit) => {
      const { redis, keys, retry } = open();
      const hashes = await retry(() => Promise.all(SHARDS.map((shard) => redis.hgetall(keys.quarantine(shard)))));
      return hashes
        .flatMap((entries, at) =>
          Object.entries(entries).map(([rest, text]) => parseEntry({ shard: SHARDS[at] ?? '', rest }, text)),
        )
        .sort((left, right) => left.quarantinedAt - right.quarantinedAt)
        .slice(0, limit);
    },
    find: async (id) => {
      const found = await stored(id);
      return found === null ? null : parseEntry(found.id, found.text);
    },
    discard: async (id) => {
      const { redis, keys, retry } = open();
      const split = splitId(id);
      return split !== null && (await retry(() => redis.hdel(keys.quarantine(split.shard), split.rest))) === 1;
    },
    retry: async (id) => {
      const found = await stored(id);
      return found !== null && putBack(open(), found.id, found.text);
    },
  };
};

/** Puts the entry back unless another process has moved it since it was read. */
const putBack = async ({ redis, keys, retry }: Link, { shard, rest }: EntryId, text: string): Promise<boolean> => {
  const { kind, content, dueMember: member, dueAt } = parseEntry({ shard, rest }, text);
  const names = [keys.quarantine(shard), kind === 'pending' ? keys.pending(shard) : keys.due(shard)];
  const back = kind === 'pending' ? ['XADD', ...content] : member === null ? [''] : ['ZADD', String(dueAt), member];
  const [done] = asFields(
    await retry(async () => (await runScript(redis, UNQUARANTINE, names, [rest, text, ...back]))[0]),
  );
  return String(done) === '1';
};

interface EntryId {
  readonly shard: string;
  /** The id without the shard: kind and digest, or kind and stream entry. */
  readonly rest: string;
}

const ID = /^([0-9a-f]{2})\.((?:pending|due|user|record)\.[0-9a-f-]{1,48})$/;

const splitId = (id: string): EntryId | null => {
  const [, shard, rest] = ID.exec(id) ?? [];
  return shard === undefined || rest === undefined ? null : { shard, rest };
};

/** 16 hex digits. */
const digestOf = (member: Buffer): string => hash('sha256', member, 'hex').slice(0, 16);

const entryText = ({ kind, reason, quarantinedAt, content, dueMember: member, dueAt }: Omit<QuarantineEntry, 'id'>) =>
  JSON.stringify({
    kind,
    reason,
    quarantinedAt,
    content: content.map((bytes) => bytes.toString('base64')),
    dueMember: member?.toString('base64') ?? null,
    dueAt,
  });

/** Never fails: an entry of another shape is shown with the kind of its id and no content, and can be discarded. */
const parseEntry = ({ shard, rest }: EntryId, text: string): QuarantineEntry => {
  const { reason, quarantinedAt, content, dueMember: member, dueAt } = fieldsOf(text);
  const isKnown = isText(reason) && isWhole(quarantinedAt) && isTexts(content) && isWholeOrNull(dueAt);
  return {
    id: `${shard}.${rest}`,
    kind: kindOf(rest),
    reason: isKnown ? reason : 'the quarantine entry itself does not parse',
    quarantinedAt: isKnown ? quarantinedAt : 0,
    content: isKnown ? content.map((bytes) => Buffer.from(bytes, 'base64')) : [],
    dueMember: isKnown && isText(member) ? Buffer.from(member, 'base64') : null,
    dueAt: isKnown ? dueAt : null,
  };
};

const fieldsOf = (text: string): Record<string, unknown> => {
  try {
    const value: unknown = JSON.parse(text);
    return isObject(value) ? value : {};
  } catch {
    return {};
  }
};

const KINDS: readonly QuarantineKind[] = ['pending', 'due', 'user', 'record'];

const kindOf = (rest: string): QuarantineKind => KINDS.find((kind) => rest.startsWith(`${kind}.`)) ?? 'pending';

const isTexts = (value: unknown): value is string[] => Array.isArray(value) && value.every(isText);
