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

/** A key that was made: shown once, stored nowhere. */
export interface MintedKey {
  readonly kid: string;
  /** The credential's text, a secret. */
  readonly key: string;
}

/** Why an engine was not administered as asked. Nothing was changed. */
export type AdministrationRefusal =
  | 'unknown_engine'
  /** The id is the gateway's own. */
  | 'reserved_id'
  | 'unknown_key'
  /** Two keys of this use are usable already: revoke the retiring one first. */
  | 'retiring_exists'
  | 'pending_exists'
  | 'no_pending_key'
  /** The id that was drawn is taken: try again. */
  | 'kid_taken'
  /** Somebody else changed the engine at the same time: look at what they did, then try again. */
  | 'changed_meanwhile';

type Changed<T> = Promise<Result<T, AdministrationRefusal>>;

/**
 * Changes the table of engines. The CLI and the development start use it, nobody else. Rejects with `PortUnavailable`,
 * `PublishFailed` or `EntryUnconfirmed` when a part does not answer.
 */
export interface EngineAdministration {
  readonly table: EngineTable;
  /** Adds an active key; the active key of that use becomes retiring. Creates the engine where there is none and `policy` is given. */
  readonly addKey: (engine: string, use: KeyUse, policy?: EnginePolicy) => Changed<MintedKey>;
  /** Answers whether the key was alive. */
  readonly revokeKey: (engine: string, kid: string) => Changed<boolean>;
  /** Sets grants and rate; creates an engine without keys where there is none. Answers whether anything changed. */
  readonly setPolicy: (engine: string, policy: EnginePolicy) => Changed<boolean>;
  /** Closes the table, not the publisher. */
  readonly close: () => Promise<void>;
}

export interface AdministrationParts extends TableParts, WritingParts {
  readonly codec: TableParts['codec'] & WritingParts['codec'];
  readonly now: () => number;
}

/**
 * Opens the table for changes. A change resolves when the published entry has come into force in the own table. When two
 * administrations write the same revision, the first in the log stands for everybody; the other one answers
 * `changed_meanwhile`, after it has published the first one's entry again: otherwise compaction would keep the refused
 * message and drop the good one. What a crash, a replay or a tombstone left buried like that is put back at opening.
 */
export const administerEngines = async (parts: AdministrationParts): Promise<EngineAdministration> => {
  const table = await followEngines(parts);
  let last: Promise<unknown> = unbury(parts, table);
  const inTurn = <T>(work: () => Promise<T>): Promise<T> => {
    const turn = last.then(work, work);
    last = turn;
    return turn;
  };
  try {
    await last;
  } catch (error) {
    await table.close();
    throw error;
  }
  return {
    table,
    addKey: (engine, use, policy) => inTurn(() => addActiveKey(parts, table, { engine, use, policy })),
    revokeKey: (engine, kid) => inTurn(() => revokeKey(parts, table, engine, kid)),
    setPolicy: (engine, policy) => inTurn(() => setPolicy(parts, table, engine, policy)),
    close: () => table.close(),
  };
};

const addActiveKey = async (
  parts: AdministrationParts,
  table: EngineTable,
  { engine, use, policy }: { engine: string; use: KeyUse; policy: EnginePolicy | undefined },
): Changed<MintedKey> => {
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
): Changed<boolean> => {
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
): Changed<boolean> => {
  const draft = await draftOf(parts, table, engine, { grants, rate });
  if (!draft.ok) return draft;
  const { content } = draft.value;
  const known = table.get(engine) !== undefined;
  if (known && isDeepStrictEqual([content.grants, content.rate], [grants, rate])) return { ok: true, value: false };
  return write(parts, table, { ...draft.value, content: { ...content, grants, rate } });
};

/** An entry on its way to its next revision. */
interface Draft extends Pick<Engine, 'dataKey'> {
  readonly content: EntryContent;
}

/** The entry in force, or a new one with a data key of its own. */
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
  const inForce = await publishEntry(parts, table, sealEntry(content, dataKey));
  if (inForce) return { ok: true, value: true };
  await unbury(parts, table);
  return { ok: false, reason: 'changed_meanwhile' };
};

/** Others may write in between, so that what is put back is buried again: then again, with what is in force by then. */
const unbury = async (parts: AdministrationParts, table: EngineTable): Promise<void> => {
  for (let buried = table.buried(); buried.length > 0; buried = table.buried()) {
    for (const { entry } of buried) await publishEntry(parts, table, entry);
  }
};
