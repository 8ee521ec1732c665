import { chmod, readFile, rename, writeFile } from 'node:fs/promises';
import type { Result } from '@vault-engine/crypto';
import type { AdministrationRefusal, EngineAdministration, MintedKey } from '@vault-engine/engines';
import { isUsable, type KeyUse } from '@vault-engine/protocol';

/** Credentials by engine: `{kid, key}` for HTTP, and the one for Kafka beside it. */
export type EngineKeysFile = Readonly<Record<string, MintedKey & { readonly kafka: MintedKey }>>;

/** What an earlier start left; empty where there is nothing. */
export const readKeysFile = async (path: string): Promise<EngineKeysFile> => {
  const text = await readFile(path, 'utf8').catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return '{}';
    throw error;
  });
  return JSON.parse(text) as EngineKeysFile; // written by writeKeysFile
};

/** Written whole or not at all, and for its owner's eyes only. */
export const writeKeysFile = async (path: string, keys: EngineKeysFile): Promise<void> => {
  const partial = `${path}.partial`;
  await writeFile(partial, `${JSON.stringify(keys, null, 2)}\n`, { mode: 0o600 });
  await chmod(partial, 0o600);
  await rename(partial, path);
};

/** A usable credential of each use for each engine: the known ones where the table has them, new ones where not. */
export const ensureKeys = async (
  administration: EngineAdministration,
  engines: readonly string[],
  known: EngineKeysFile,
): Promise<EngineKeysFile> => {
  const keys: Record<string, EngineKeysFile[string]> = {};
  for (const engine of engines) {
    const http = await ensureKey(administration, engine, 'http', known[engine]);
    const kafka = await ensureKey(administration, engine, 'kafka', known[engine]?.kafka);
    keys[engine] = { kid: http.kid, key: http.key, kafka };
  }
  return keys;
};

const ensureKey = async (
  administration: EngineAdministration,
  engine: string,
  use: KeyUse,
  known: MintedKey | undefined,
): Promise<MintedKey> => {
  const open = [...(administration.table.get(engine)?.open.keys.values() ?? [])].filter(
    (key) => key.use === use && isUsable(key),
  );
  if (known !== undefined && open.some(({ kid }) => kid === known.kid)) return known;
  // Keys whose credentials are lost with the file serve nobody.
  for (const { kid } of open) done(await administration.revokeKey(engine, kid));
  return done(await administration.addKey(engine, use));
};

/** What an administration did; on a machine of one's own a refusal is a fault of the set-up. */
export const done = <T>(result: Result<T, AdministrationRefusal>): T => {
  if (result.ok) return result.value;
  throw new Error(`the table of engines can not be set up: ${result.reason}`);
};
