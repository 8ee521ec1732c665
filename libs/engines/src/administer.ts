import { isDeepStrictEqual } from 'node:util';
import { GATEWAY } from '@vault-engine/contracts';
import type { Result } from '@vault-engine/crypto';
import {
  addKey,
  type EntryContent,
  type KeyUse,
  mintCredential,
  newEntry,
  revealCredential,
  revoke,
  rotate,
  sealEntry,
} from '@vault-engine/protocol';
import { publishEntry, type WritingParts } from './publish-entry.ts';
import { type Engine, entryContext, importKey } from './read-entry.ts';
import type { EnginePolicy } from './read-grants.ts';
import { type EngineTable, followEngines, type TableParts } from './table.ts';

/** A new key: returned once, never stored. */
export interface MintedKey {
  readonly kid: string;
  /** The text of the credential. A secret. */
  readonly key: string;
}

/** Why a change was refused. Nothing was changed. */
export type AdministrationRefusal =
  | 'unknown_engine'
  /** The id belongs to the gateway. */
  | 'reserved_id'
  | 'unknown_key'
  /** Two keys of this use are usable: revoke the retiring one first. */
  | 'retiring_exists'
  | 'pending_exists'
  | 'no_pending_key'
  /** The random key id is in use: try again. */
  | 'kid_taken'
  /** A concurrent administration changed the engine: check its change, then try again. */
  | 'changed_meanwhile';

type ChangeResult<T> = Promise<Result<T, AdministrationRefusal>>;

/**
 * Changes the table of engines. Used by the CLI and the development start alone. Rejects with `PortUnavailable`, `PublishFailed` or
 * `EntryUnconfirmed` when the key service, the broker or the registry does not respond.
 */
export interface EngineAdministration {
  readonly table: EngineTable;
  /** Adds an active key; the present active key of that use becomes retiring. With `policy`, creates a missing engine. */
  readonly addKey: (engine: string, use: KeyUse, policy?: EnginePolicy) => ChangeResult<MintedKey>;
  /** Resolves to whether the key was usable before. */
  readonly revokeKey: (engine: string, kid: string) => ChangeResult<boolean>;
  /** Sets grants and rate, and creates a missing engine without keys. Resolves to whether anything changed. */
  readonly setPolicy: (engine: string, policy: EnginePolicy) => ChangeResult<boolean>;
  /** Closes the table, not the publisher. */
  readonly close: () => Promise<void>;
}

/** What {@link administerEngines} works with. */
export interface AdministrationParts extends TableParts, WritingParts {
  readonly codec: TableParts['codec'] & WritingParts['codec'];
  readonly now: () => number;
}

/**
 * Opens the table for changes. A change resolves when this table has accepted the published entry. When two administrations write
 * the same revision, every table accepts the first one in the log. The second administration publishes the accepted entry again,
 * because compaction would keep the rejected message, and resolves to `changed_meanwhile`. Opening does the same for
 * entries that a crash, a replay or a tombstone has overwritten.
 */
export const administerEngines = async (parts: AdministrationParts): Promise<EngineAdministration> => {
  const table = await followEngines(parts);
  let last: Promise<unknown> = republishOverwritten(parts, table);
  const serialised = <T>(work: () => Promise<T>): Promise<T> => {
    const result = last.then(work, work);
    last = result;
    return result;
  };
  try {
    await last;
  } catch (error) {
    await table.close();
    throw error;
  }
  return {
    table,
    addKey: (engine, use, policy) => serialised(() => addActiveKey(parts, table, { engine, use, policy })),
    revokeKey: (engine, kid) => serialised(() => revokeKey(parts, table, engine, kid)),
    setPolicy: (engine, policy) => serialised(() => setPolicy(parts, table, engine, policy)),
    close: () => table.close(),
  };
};

const addActiveKey = async (
  parts: AdministrationParts,
  table: EngineTable,
  { engine, use, policy }: { engine: string; use: KeyUse; policy: EnginePolicy | undefined },
): ChangeResult<MintedKey> => {
  const draft = await draftOf(parts, table, engine, policy);
  if (!draft.ok) return draft;
  const credential = mintCredential();
  const added = addKey(draft.value.content, draft.value.dataKey, { credential, use, now: parts.now() });
  const rotated = added.ok ? rotate(added.value, use) : added;
  const written = rotated.ok ? await write(parts, table, { ...draft.value, content: rotated.value }) : rotated;
  const key = revealCredential(credential);
  credential.secret.wipe();
  return written.ok ? { ok: true, value: { kid: credential.kid, key } } : written;
};

const revokeKey = async (
  parts: AdministrationParts,
  table: EngineTable,
  engine: string,
  kid: string,
): ChangeResult<boolean> => {
  const draft = await draftOf(parts, table, engine);
  if (!draft.ok) return draft;
  if (table.get(engine)?.open.keys.get(kid)?.state === 'revoked') return { ok: true, value: false };
  const revoked = revoke(draft.value.content, kid);
  return revoked.ok ? write(parts, table, { ...draft.value, content: revoked.value }) : revoked;
};

const setPolicy = async (
  parts: AdministrationParts,
  table: EngineTable,
  engine: string,
  { grants, rate }: EnginePolicy,
): ChangeResult<boolean> => {
  const draft = await draftOf(parts, table, engine, { grants, rate });
  if (!draft.ok) return draft;
  const { content } = draft.value;
  const known = table.get(engine) !== undefined;
  if (known && isDeepStrictEqual([content.grants, content.rate], [grants, rate])) return { ok: true, value: false };
  return write(parts, table, { ...draft.value, content: { ...content, grants, rate } });
};

/** The content of the next revision of an entry. */
interface Draft extends Pick<Engine, 'dataKey'> {
  readonly content: EntryContent;
}

/** The accepted entry, or a new one with a new data key. */
const draftOf = async (
  { wrapper, environment }: AdministrationParts,
  table: EngineTable,
  engine: string,
  policy?: EnginePolicy,
): Promise<Result<Draft, 'unknown_engine' | 'reserved_id'>> => {
  const known = table.get(engine);
  if (known !== undefined) return { ok: true, value: { content: known.entry, dataKey: known.dataKey } };
  if (engine === GATEWAY) return { ok: false, reason: 'reserved_id' };
  if (policy === undefined) return { ok: false, reason: 'unknown_engine' };
  const { plaintext, wrapped } = await wrapper.generate(entryContext(environment, engine));
  const content = newEntry({ engine, wrappedKey: wrapped, grants: policy.grants, rate: policy.rate });
  return { ok: true, value: { content, dataKey: importKey(plaintext) } };
};

const write = async (
  parts: AdministrationParts,
  table: EngineTable,
  { content, dataKey }: Draft,
): Promise<Result<true, 'changed_meanwhile'>> => {
  const accepted = await publishEntry(parts, table, sealEntry(content, dataKey));
  if (accepted) return { ok: true, value: true };
  await republishOverwritten(parts, table);
  return { ok: false, reason: 'changed_meanwhile' };
};

/** Repeats while concurrent writers overwrite an entry again, with the entry that is accepted by then. */
const republishOverwritten = async (parts: AdministrationParts, table: EngineTable): Promise<void> => {
  for (let overwritten = table.overwritten(); overwritten.length > 0; overwritten = table.overwritten()) {
    for (const { entry } of overwritten) await publishEntry(parts, table, entry);
  }
};
