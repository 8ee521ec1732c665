import { absent, type ConnectionView, type StatusFacts, statusOf, statusText } from '@vault-engine/model';
import type { ConnectionRecord, Flow, Rejection } from './connection-record.ts';
import type { ConnectionChange } from './ports.ts';

/**
 * The view of a connection at `now` (Unix milliseconds): no I/O, no clock. `flow`: the open flow of an absent connection.
 */
export const status = (record: ConnectionRecord | null, now: number, flow: Flow | null = null): ConnectionView => {
  if (record === null) return { ...ABSENT, ...absent(flow, now) };
  const facts = factsOf(record);
  const { condition } = record;
  const failed =
    (record.refresh !== null || isReportedRevoked(record)) &&
    (condition.kind === 'failing' || condition.kind === 'dead');
  const rejected = rejectionOf(record) === null ? null : 'access_rejected';
  return { ...facts, ...statusOf(facts, failed ? condition.reason : rejected, now) };
};

/** The rejection of the current credentials; null: none. */
export const rejectionOf = ({ grant: { rejection }, tokenVersion }: ConnectionRecord): Rejection | null =>
  rejection?.version === tokenVersion ? rejection : null;

/** When the access token ends: at its expiry, or when its rejection was confirmed. Unix milliseconds; null: not known. */
const usableUntil = (record: ConnectionRecord): number | null =>
  earliest(record.metadata.expiresAt, rejectionOf(record)?.confirmedAt ?? null);

const ABSENT: StatusFacts = { expiresAt: null, lapsesAt: null, reauthFrom: null, renewal: 'none' };

/** Whether an engine reported the grant of these credentials as revoked. */
export const isReportedRevoked = ({ condition }: Pick<ConnectionRecord, 'condition'>): boolean =>
  condition.kind === 'dead' && condition.reason === 'reported_revoked';

const factsOf = (record: ConnectionRecord): StatusFacts => {
  const { condition } = record;
  if (condition.kind === 'dead' && condition.reason === 'reported_revoked') {
    // The access token ended with the grant, whatever expiry it was stored with.
    const ended = earliest(record.metadata.expiresAt, condition.since);
    return { expiresAt: ended, lapsesAt: ended, reauthFrom: null, renewal: 'dead' };
  }
  const expiresAt = usableUntil(record);
  const renewal = record.refresh === null ? 'none' : record.condition.kind;
  if (renewal === 'none' || renewal === 'dead') return { expiresAt, lapsesAt: expiresAt, reauthFrom: null, renewal };
  return {
    expiresAt,
    lapsesAt: earliest(record.metadata.refreshExpiresAt, record.grant.endsAt),
    reauthFrom: reauthFrom(record),
    renewal,
  };
};

const HOUR_MS = 3_600_000;
/**
 * How long ahead of an end the user is asked to reconnect, and at most which part of the life before that end. `grant`: the
 * end of the grant. `refresh`: the end of a refresh token that refreshes have not extended.
 */
const AHEAD = { grant: { ms: 72 * HOUR_MS, part: 1 / 10 }, refresh: { ms: 12 * HOUR_MS, part: 1 / 4 } };

const reauthFrom = ({ metadata: { refreshExpiresAt }, grant, storedAt }: ConnectionRecord): number | null =>
  earliest(
    grant.endsAt === null ? null : ahead(grant.endsAt, grant.since, AHEAD.grant),
    refreshExpiresAt === null ? null : ahead(refreshExpiresAt, storedAt, AHEAD.refresh),
  );

const ahead = (end: number, from: number, by: { readonly ms: number; readonly part: number }): number =>
  end - Math.min(by.ms, Math.floor(Math.max(end - from, 0) * by.part));

const earliest = (...times: readonly (number | null)[]): number | null => {
  const said = times.filter((time) => time !== null);
  return said.length === 0 ? null : Math.min(...said);
};

/** The record, noting that its status at `now` (Unix milliseconds) is published. */
export const withPublishedStatus = (
  record: Omit<ConnectionRecord, 'lastPublishedStatus'>,
  now: number,
): ConnectionRecord => ({
  ...record,
  lastPublishedStatus: statusText(status({ ...record, lastPublishedStatus: '' }, now)),
});

/**
 * The event that is due when a connection becomes `after`; null where its published status is still right. New credentials
 * are always an event.
 */
export const eventOf = (
  before: Pick<ConnectionRecord, 'lastPublishedStatus' | 'tokenVersion'>,
  after: ConnectionRecord,
  now: number,
): { readonly change: ConnectionChange; readonly view: ConnectionView } | null => {
  const view = status(after, now);
  const published = before.lastPublishedStatus;
  const expired = published.startsWith('EXPIRED/');
  if (before.tokenVersion !== after.tokenVersion)
    return { change: expired && view.status === 'CONNECTED' ? 'RECOVERED' : 'RENEWED', view };
  // A row from before this field existed was never published, and its connection was well.
  if (published === statusText(view) || (published === '' && view.status === 'CONNECTED')) return null;
  return { change: changeTo(view, published), view };
};

/** `LAPSING`, which asks the user ahead of the end, is published once. */
const changeTo = (view: ConnectionView, published: string): ConnectionChange => {
  if (view.status === 'EXPIRED') return 'EXPIRED';
  if (published.startsWith('EXPIRED/')) return 'RECOVERED';
  return view.action === 'REAUTH' && !published.startsWith('CONNECTED/REAUTH/') ? 'LAPSING' : 'FAILING';
};
