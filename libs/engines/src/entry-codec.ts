import type * as avro from '@vault-engine/contracts';
import type { EngineEntry, EntryKey, KeyState, KeyUse } from '@vault-engine/protocol';

const STATES: readonly string[] = ['pending', 'active', 'retiring', 'revoked'] satisfies KeyState[];
const USES: readonly string[] = ['kafka', 'http'] satisfies KeyUse[];

/** The Avro record of an entry. */
export const toRecord = ({ engine, revision, wrappedKey, keys, grants, rate, mac }: EngineEntry): avro.EngineEntry => ({
  engine,
  revision,
  wrapped_key: wrappedKey,
  keys: keys.map(({ kid, state, use, createdAt, subkeys, secretDigest }) => ({
    kid,
    state,
    use,
    created_at: createdAt,
    subkeys,
    secret_digest: secretDigest,
  })),
  grants,
  rate: { per_second: rate.perSecond, burst: rate.burst },
  mac,
});

/** The entry in an Avro record; null for an unknown key state or use. */
export const fromRecord = (record: avro.EngineEntry): EngineEntry | null => {
  const keys = record.keys.map(keyOf);
  if (!keys.every((key) => key !== null)) return null;
  const { engine, revision, wrapped_key: wrappedKey, rate, mac } = record;
  const grants = record.grants.map(({ operations, platforms }) => ({ operations, platforms }));
  return { engine, revision, wrappedKey, keys, grants, rate: { perSecond: rate.per_second, burst: rate.burst }, mac };
};

const keyOf = ({ kid, state, use, created_at, subkeys, secret_digest }: avro.EngineKey): EntryKey | null =>
  isState(state) && isUse(use)
    ? { kid, state, use, createdAt: created_at, subkeys, secretDigest: secret_digest }
    : null;

const isState = (text: string): text is KeyState => STATES.includes(text);
const isUse = (text: string): text is KeyUse => USES.includes(text);
