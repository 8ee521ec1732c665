import { chmod, readFile, rename, writeFile } from 'node:fs/promises';
import type { Result } from '@vault-engine/crypto';
import type { AdministrationRefusal, EngineAdministration, MintedKey } from '@vault-engine/engines';
import { isUsable, type KeyUse } from '@vault-engine/protocol';

/** Credentials by engine: `{kid, key}` for HTTP, and `kafka: {kid, key}`. */
export type EngineKeysFile = Readonly<Record<string, MintedKey & { readonly kafka: MintedKey }>>;

/** Reads the keys of an earlier start; empty if there are none. */
export const readKeysFile = async (path: string): Promise<EngineKeysFile> => {
  const text = await readFile(path, 'utf8').catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return '{}';
    throw error;
  });
  return JSON.parse(text) as EngineKeysFile; // written by writeKeysFile
};

/** Writes the file atomically, readable by its owner only. */
export const writeKeysFile = async (path: string, keys: EngineKeysFile): Promise<void> => {
  const partial = `${path}.partial`;
  await writeFile(partial, `${JSON.stringify(keys, null, 2)}\n`, { mode: 0o600 });
  await chmod(partial, 0o600);
  await rename(partial, path);
};

/** Returns a usable credential per engine and use: a known one if the engines table has it, else a new one. */
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
  // Keys without a stored credential cannot be used by anyone.
  for (const { kid } of open) done(await administration.revokeKey(engine, kid));
  return done(await administration.addKey(engine, use));
};

/** The value of a successful change. In development, a refusal is an error of the setup. */
export const done = <T>(result: Result<T, AdministrationRefusal>): T => {
  if (result.ok) return result.value;
  throw new Error(`the engines table could not be set up: ${result.reason}`);
};
