import type { BusRecord } from '@vault-engine/bus';
import { unframe } from '@vault-engine/contracts';
import { type CommandHeaders, parseCommandHeaders } from '@vault-engine/protocol';

/** A record that has the form of a command. Nothing about it is proven yet. */
export interface Received {
  readonly record: BusRecord;
  readonly headers: CommandHeaders;
  readonly key: Buffer;
  readonly value: Buffer;
}

/** Looks at the form alone: no schema, no key, no look-up. What has not the form of a command is poison. */
export const receive = (record: BusRecord): { ok: true; value: Received } | { ok: false; reason: string } => {
  const framed = unframe(record.value);
  if (!framed.ok || record.value === null) return { ok: false, reason: framed.ok ? 'empty' : framed.reason };
  if (record.key === null) return { ok: false, reason: 'key_missing' };
  const headers = parseCommandHeaders(record.headers);
  if (!headers.ok) return { ok: false, reason: `${headers.reason}:${headers.header}` };
  return { ok: true, value: { record, headers: headers.value, key: record.key, value: record.value } };
};
