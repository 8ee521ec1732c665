import type { BusRecord, HandlerContext } from '@vault-engine/bus';
import { unframe } from '@vault-engine/contracts';
import type { Engine, EngineTable } from '@vault-engine/engines';
import {
  type CommandHeaders,
  type EngineKeys,
  isUsable,
  type OpenKey,
  parseCommandHeaders,
  verifyRequest,
} from '@vault-engine/protocol';

/** A record that has the form of a command. Nothing about it is authenticated yet. */
export interface Received {
  readonly record: BusRecord;
  readonly headers: CommandHeaders;
  readonly key: Buffer;
  readonly value: Buffer;
}

/** A command whose MAC was made with a usable key of its engine. */
export interface Authenticated extends Received {
  readonly engine: Engine;
  readonly engineKey: OpenKey;
  readonly keys: EngineKeys;
}

/** An authenticated command while an attempt to serve it runs. */
export interface CommandInProgress extends Authenticated {
  /** 1, or one more after each attempt that met a transient failure. */
  readonly attempt: number;
  /** When this attempt began, Unix milliseconds. */
  readonly begunAt: number;
  /** The deadline had passed when the record was read. The command did not wait for the commands of its user before it. */
  readonly late: boolean;
  /** Lets the next command of the same user begin: what follows may take as long as a provider does. */
  readonly releaseKeyOrder: HandlerContext['releaseKeyOrder'];
  /** Waits for something slow: the next command of the user waits too, the concurrency permit goes to another command. */
  readonly runOutsideConcurrencyLimit: HandlerContext['runOutsideConcurrencyLimit'];
  /** Aborted when the worker stops and its time to drain is over. The record will be delivered again. */
  readonly signal: AbortSignal;
}

/** Frame, key and headers: no MAC, no look-up. */
export const receive = (record: BusRecord): { ok: true; value: Received } | { ok: false; reason: string } => {
  const framed = unframe(record.value);
  if (!framed.ok || record.value === null) return { ok: false, reason: framed.ok ? 'empty' : framed.reason };
  if (record.key === null) return { ok: false, reason: 'key_missing' };
  const headers = parseCommandHeaders(record.headers);
  if (!headers.ok) return { ok: false, reason: `${headers.reason}:${headers.header}` };
  return { ok: true, value: { record, headers: headers.value, key: record.key, value: record.value } };
};

/** Why a command is not authenticated. Such commands are counted, not audited one by one. */
export type Unauthenticated = 'unknown_engine' | 'unknown_key' | 'key_not_usable' | 'wrong_mac';

/** Known engine, usable key, MAC: all in memory, so that a forged command costs no look-up. */
export const authenticate = (
  table: Pick<EngineTable, 'get'>,
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
