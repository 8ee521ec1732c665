import { nextStatusChangeAt } from '@vault-engine/model';
import type { ConnectionRecord } from '../connection-record.ts';
import type { RefreshTerms } from '../providers.ts';
import { status } from '../status.ts';

/**
 * When a connection is next due, Unix milliseconds; null: never. It is due when it is to be refreshed, and when time alone
 * changes its status, which has to be published.
 */
export const attentionAt = (record: ConnectionRecord, terms: RefreshTerms | null, now: number): number | null => {
  const refresh = isOver(record, now) ? null : refreshAt(record, terms);
  const times = [refresh, nextStatusChangeAt(status(record, now), now)].filter((time) => time !== null);
  return times.length === 0 ? null : Math.min(...times);
};

/** Whether the refresh token or the grant of a connection has ended at `now`, so that it can't be refreshed any more. */
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
      return condition.recheckAt ?? null;
    case 'none': // A client has been configured since.
    case 'good':
      return terms.dueAt({ refreshedAt: storedAt, hasRefreshToken: true, expiresAt, refreshExpiresAt });
  }
};
