import { readTopic } from '@vault-engine/bus';
import { type ConnectionState, isRecord } from '@vault-engine/contracts';
import type { TestVault } from './open-vault.ts';

/** One message of the state topic. */
export interface StateSeen {
  readonly user: string;
  /** As the header says. */
  readonly revision: number;
  /** null: a tombstone, or what can't be read. */
  readonly state: ConnectionState | null;
}

/** All that lies on the state topic, in the order of each partition. */
export const readStates = async ({ bus, codec, topics }: TestVault): Promise<readonly StateSeen[]> => {
  const seen: StateSeen[] = [];
  for await (const { key, value, headers } of readTopic(bus, topics.connectionState)) {
    const decoded = value === null ? null : await codec.decode(value);
    const state = decoded !== null && isRecord(decoded, 'ConnectionState') ? decoded.value : null;
    seen.push({ user: key?.toString() ?? '', revision: Number(headers['x-revision']?.toString()), state });
  }
  return seen;
};
