import { type BusRecord, type HandlerResult, PublishFailed } from '@vault-engine/bus';
import { type Codec, isRecord, RegistryUnavailable } from '@vault-engine/contracts';
import type { Drift, Projected, Projection } from '@vault-engine/state/projecting';
import { PortUnavailable, type UserId, userId } from '@vault-engine/vault';

/** With what events are worked off. */
export interface EventParts {
  readonly codec: Pick<Codec, 'decode'>;
  readonly projection: Pick<Projection, 'follow' | 'mend'>;
  readonly onFollowed: (projected: Projected, appendedAt: number) => void;
  readonly onUnreadable: (record: BusRecord) => void;
}

const RETRY_MS = 500;

/**
 * Works off one connection event: the user's snapshot shows it, or shows more already. While store, registry or brokers do
 * not answer, the event waits. Of an event that does not read the key still says whom to look at.
 */
export const followEvent = async (parts: EventParts, record: BusRecord): Promise<HandlerResult> => {
  const user = userId(record.key?.toString() ?? '');
  try {
    if (user === null) parts.onUnreadable(record);
    else parts.onFollowed(await project(parts, user, record), record.timestamp);
    return { kind: 'ack' };
  } catch (error) {
    if (isPassing(error)) return { kind: 'retry', afterMs: RETRY_MS };
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
  if (drift === null) return null;
  return drift === 'surplus' ? 'tombstone' : 'snapshot';
};

/** Whether the same may succeed later. */
export const isPassing = (error: unknown): boolean =>
  error instanceof PortUnavailable ||
  error instanceof RegistryUnavailable ||
  (error instanceof PublishFailed && error.retryable);
