import type { ConnectionRecord } from './model.ts';
import type { RefreshTerms } from './providers.ts';
import { nextStatusChangeAt, status, statusText } from './status.ts';

/** The record, noting that everybody has been told how it stands at `now` (Unix milliseconds). */
export const withPublishedStatus = (
  record: Omit<ConnectionRecord, 'lastPublishedStatus'>,
  now: number,
): ConnectionRecord => ({
  ...record,
  lastPublishedStatus: statusText(status({ ...record, lastPublishedStatus: '' }, now)),
});

/**
 * When a connection next wants attention, Unix milliseconds; null: never. To be refreshed, or because time alone makes it
 * stand otherwise and somebody has to be told.
 */
export const attentionAt = (record: ConnectionRecord, terms: RefreshTerms | null, now: number): number | null => {
  const renewal = isOver(record, now) ? null : refreshAt(record, terms);
  const times = [renewal, nextStatusChangeAt(status(record, now), now)].filter((time) => time !== null);
  return times.length === 0 ? null : Math.min(...times);
};

/** Whether a connection can't be refreshed any more at `now`, as its refresh token or its grant has come to its end. */
export const isOver = ({ metadata, grant }: Pick<ConnectionRecord, 'metadata' | 'grant'>, now: number): boolean =>
  [metadata.refreshExpiresAt, grant.endsAt].some((end) => end !== null && end <= now);

/** When a connection is to be refreshed ahead of time or once more, Unix milliseconds; null: never. */
export const refreshAt = (
  { condition, storedAt, refresh, metadata: { expiresAt, refreshExpiresAt } }: ConnectionRecord,
  terms: RefreshTerms | null,
): number | null => {
  if (terms === null || refresh === null) return null;
  switch (condition.kind) {
    case 'failing':
      return condition.retryAt;
    case 'dead':
      return null;
    case 'none': // Somebody has registered with the provider since.
    case 'good':
      return terms.dueAt({ refreshedAt: storedAt, hasRefreshToken: true, expiresAt, refreshExpiresAt });
  }
};
