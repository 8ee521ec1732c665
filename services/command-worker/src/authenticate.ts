import type { Engine, EngineTable } from '@vault-engine/engines';
import { type EngineKeys, isUsable, type OpenKey, verifyRequest } from '@vault-engine/protocol';
import type { Received } from './receive.ts';

/** A command whose MAC is its engine's. */
export interface Authenticated extends Received {
  readonly engine: Engine;
  readonly engineKey: OpenKey;
  readonly keys: EngineKeys;
}

/** Why a command is nobody's. Counted, not audited one by one. */
export type Unauthenticated = 'unknown_engine' | 'unknown_key' | 'key_not_usable' | 'wrong_mac';

/** Known engine, live key, MAC: in memory alone, so that a forger costs no look-up. */
export const authenticate = (
  table: EngineTable,
  received: Received,
): { ok: true; value: Authenticated } | { ok: false; reason: Unauthenticated } => {
  const { headers, record, key: messageKey, value } = received;
  const engine = table.get(headers.engine);
  if (engine === undefined) return { ok: false, reason: 'unknown_engine' };
  const key = engine.open.keys.get(headers.kid);
  if (key === undefined) return { ok: false, reason: 'unknown_key' };
  if (!isUsable(key) || key.keys === null) return { ok: false, reason: 'key_not_usable' };
  if (!verifyRequest(key.keys, headers, { topic: record.topic, key: messageKey, value }))
    return { ok: false, reason: 'wrong_mac' };
  return { ok: true, value: { ...received, engine, engineKey: key, keys: key.keys } };
};
