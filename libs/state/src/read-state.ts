import type { BusRecord } from '@vault-engine/bus';
import { type Codec, type ConnectionState, type Decoded, isRecord } from '@vault-engine/contracts';
import { type UserId, userId } from '@vault-engine/model';
import { isRevision, revisionIn } from './revision.ts';

/** One message of the state topic. */
export type StateRecord =
  | { readonly kind: 'snapshot'; readonly user: UserId; readonly revision: number; readonly state: ConnectionState }
  /** The user was forgotten. */
  | { readonly kind: 'tombstone'; readonly user: UserId; readonly revision: number }
  /** Readers pass it over. Compaction would leave it in the place of the user's snapshot, so that must be published anew. */
  | { readonly kind: 'unreadable'; readonly user: UserId }
  /** Its key is no user's. */
  | { readonly kind: 'stray' };

/** What a message of the state topic says. Rejects with `RegistryUnavailable`, which says nothing about the message. */
export const readState = (codec: Pick<Codec, 'decode'>, record: BusRecord): StateRecord | Promise<StateRecord> => {
  const user = userId(record.key?.toString() ?? '');
  if (user === null) return { kind: 'stray' };
  if (record.value === null) return tombstone(user, revisionIn(record.headers));
  const decoded = codec.decode(record.value);
  return decoded instanceof Promise ? decoded.then((late) => snapshot(user, late)) : snapshot(user, decoded);
};

const tombstone = (user: UserId, revision: number | null): StateRecord =>
  revision === null ? { kind: 'unreadable', user } : { kind: 'tombstone', user, revision };

const snapshot = (user: UserId, decoded: Decoded): StateRecord => {
  if (!isRecord(decoded, 'ConnectionState')) return { kind: 'unreadable', user };
  const { value: state } = decoded;
  const sound = state.user_id === user && isRevision(state.revision);
  return sound ? { kind: 'snapshot', user, revision: state.revision, state } : { kind: 'unreadable', user };
};
