import { createSecretKey, randomBytes } from 'node:crypto';
import type { Engine, EngineTable } from '@vault-engine/engines';
import {
  addKey,
  type Credential,
  type EntryContent,
  type KeyUse,
  mintCredential,
  newEntry,
  openEntry,
  revoke,
  rotate,
  sealEntry,
} from '@vault-engine/protocol';

/** The state of a key of the table. */
export type KeyStage = 'pending' | 'active' | 'revoked';

/** A table of one engine, `action`, with a key for each use and stage, and their credentials. */
export const tableOfOne = (): {
  readonly table: Pick<EngineTable, 'get'>;
  readonly credentials: Readonly<Record<KeyStage | 'kafka', Credential>>;
} => {
  const dataKey = createSecretKey(randomBytes(32));
  const credentials = {
    active: mintCredential(),
    kafka: mintCredential(),
    revoked: mintCredential(),
    pending: mintCredential(),
  };
  const empty = newEntry({
    engine: 'action',
    wrappedKey: randomBytes(64),
    grants: [],
    rate: { perSecond: 1, burst: 1 },
  });
  const add = (content: EntryContent, credential: Credential, use: KeyUse): EntryContent =>
    granted(addKey(content, dataKey, { credential, use, now: 0 }));
  const withRevoked = granted(revoke(add(empty, credentials.revoked, 'http'), credentials.revoked.kid));
  const withActive = granted(rotate(add(withRevoked, credentials.active, 'http'), 'http'));
  const withKafka = granted(rotate(add(withActive, credentials.kafka, 'kafka'), 'kafka'));
  const entry = sealEntry(add(withKafka, credentials.pending, 'http'), dataKey);
  const engine: Engine = { entry, dataKey, open: granted(openEntry(entry, dataKey)) };
  return { table: { get: (name) => (name === 'action' ? engine : undefined) }, credentials };
};

const granted = <T>(result: { ok: true; value: T } | { ok: false; reason: string }): T => {
  if (!result.ok) throw new Error(result.reason);
  return result.value;
};
