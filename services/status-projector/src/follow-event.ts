import { type BusRecord, type HandlerResult, PublishFailed } from '@vault-engine/bus';
import { type Codec, isRecord, RegistryUnavailable } from '@vault-engine/contracts';
import type { Drift, Projected, Projection } from '@vault-engine/state/projecting';
import { PortUnavailable, type UserId, userId } from '@vault-engine/vault';

/** Dependencies of {@link followEvent}. */
export interface EventParts {
  readonly codec: Pick<Codec, 'decode'>;
  readonly projection: Pick<Projection, 'follow' | 'mend'>;
  readonly onFollowed: (projected: Projected, appendedAt: number) => void;
  readonly onUnreadable: (record: BusRecord) => void;
}

const RETRY_MS = 500;

/**
 * Processes one connection event: afterwards the user's snapshot on the topic is at the event's revision or later. While
 * store, registry or brokers do not answer, the event is retried. The key of an undecodable event still names the user,
 * whose snapshot is then compared with the store.
 */
export const followEvent = async (parts: EventParts, record: BusRecord): Promise<HandlerResult> => {
  const user = userId(record.key?.toString() ?? '');
  try {
    if (user === null) parts.onUnreadable(record);
    else parts.onFollowed(await project(parts, user, record), record.timestamp);
    return { kind: 'ack' };
  } catch (error) {
    if (isTransient(error)) return { kind: 'retry', afterMs: RETRY_MS };
    throw error;
  }
};

const project = async (parts: EventParts, user: UserId, record: BusRecord): Promise<Projected> => {
  const event = await parts.codec.decode(record.value);
  if (isRecord(event, 'ConnectionChanged') && event.value.user_id === user) {
    const { revision, change } = event.value;
    return parts.projection.follow(user, { revision, forgotten: change === 'FORGOTTEN' });
  }
  parts.onUnreadable(record);
  return publishedBy(await parts.projection.mend(user));
};

const publishedBy = (drift: Drift | null): Projected => {
  if (drift === null || drift === 'unreadable') return null;
  return drift === 'surplus' ? 'tombstone' : 'snapshot';
};

/** Whether a retry may succeed. */
export const isTransient = (error: unknown): boolean =>
  error instanceof PortUnavailable ||
  error instanceof RegistryUnavailable ||
  (error instanceof PublishFailed && error.retryable);
