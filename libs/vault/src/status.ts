import type { Condition, ConnectionRecord, DeadReason, FailingReason, Flow } from './model.ts';

/** How a connection stands. REST says `active`, `expired`, `missing`. */
export type ConnectionStatus = 'CONNECTED' | 'EXPIRED' | 'MISSING';

/** What the user or the engine can do about it. */
export type StatusAction = 'NONE' | 'REAUTH' | 'RETRY' | 'CONNECT' | 'RESUME';

/** Why a connection is not in good order, from a closed list. */
export type StatusReason =
  | 'access_token_expired'
  | 'refresh_token_expired'
  /** Its end is near, and the vault can't put it off. */
  | 'grant_lapses'
  | FailingReason
  | DeadReason;

/** The state of one connection at one moment. With {@link statusAt} it tells how the connection stands later, too. */
export interface ConnectionView {
  readonly status: ConnectionStatus;
  readonly action: StatusAction;
  readonly reason: StatusReason | null;
  /** When the access token lapses, Unix milliseconds. */
  readonly expiresAt: number | null;
  /** When the connection can't go on without the user, Unix milliseconds; null where nobody said. */
  readonly lapsesAt: number | null;
  /** From when on the user is to be asked ahead of `lapsesAt`, Unix milliseconds; null: not ahead. */
  readonly reauthFrom: number | null;
  /** How refreshing it goes. */
  readonly renewal: Condition['kind'];
}

/** What a view says of its moment; the rest of it does not depend on the time. */
export type StatusView = Pick<ConnectionView, 'status' | 'action' | 'reason'>;

const HOUR_MS = 3_600_000;
/** Ahead of the end of a grant, and of that of a refresh token that use did not lengthen; at most this part of their life. */
const AHEAD = { grant: { ms: 72 * HOUR_MS, part: 1 / 10 }, refresh: { ms: 12 * HOUR_MS, part: 1 / 4 } };

/**
 * How a connection stands at `now` (Unix milliseconds). The one rule that the worker, its callers and the status topic
 * share: no I/O, no clock. `flow`: the open flow of an absent one.
 */
export const status = (record: ConnectionRecord | null, now: number, flow: Flow | null = null): ConnectionView => {
  const facts = record === null ? ABSENT : factsOf(record);
  if (record === null) return { ...facts, ...absent(flow, now) };
  const { condition } = record;
  const failed = record.refresh !== null && (condition.kind === 'failing' || condition.kind === 'dead');
  const cause = failed ? condition.reason : null;
  return { ...facts, ...standing(facts, cause, now) };
};

/**
 * What time alone has made, at `now`, of a connection that stood as `view` says: with it a snapshot that was taken earlier
 * says what {@link status} says. A token is usable up to, and not at, its `expiresAt`.
 */
export const statusAt = (view: ConnectionView, now: number): StatusView => {
  const { status: said, action, reason } = view;
  if (said === 'MISSING') return { status: said, action, reason };
  return standing(view, view.renewal === 'failing' || view.renewal === 'dead' ? reason : null, now);
};

/** How a user stands to a platform that there is no connection on. */
export const absent = (flow: Pick<Flow, 'expiresAt'> | null, now: number): StatusView => ({
  status: 'MISSING',
  action: flow !== null && flow.expiresAt > now ? 'RESUME' : 'CONNECT',
  reason: null,
});

/** A standing as one text: equal where there is nothing to tell anybody. */
export const statusText = ({ status: said, action, reason, renewal }: StatusView & Pick<ConnectionView, 'renewal'>) =>
  [said, action, renewal, reason ?? ''].join('/');

/** The next moment after `now` at which time alone makes the connection stand otherwise, Unix milliseconds. */
export const nextStatusChangeAt = (view: ConnectionView, now: number): number | null => {
  const stands = (at: number): string => statusText({ ...view, ...statusAt(view, at) });
  const turns = [view.expiresAt, view.lapsesAt, view.reauthFrom]
    .filter((at) => at !== null)
    .filter((at) => at > now && stands(at) !== stands(at - 1));
  return turns.length === 0 ? null : Math.min(...turns);
};

type Facts = Pick<ConnectionView, 'expiresAt' | 'lapsesAt' | 'reauthFrom' | 'renewal'>;

const ABSENT: Facts = { expiresAt: null, lapsesAt: null, reauthFrom: null, renewal: 'none' };

const factsOf = (record: ConnectionRecord): Facts => {
  const { expiresAt } = record.metadata;
  const renewal = record.refresh === null ? 'none' : record.condition.kind;
  if (renewal === 'none' || renewal === 'dead') return { expiresAt, lapsesAt: expiresAt, reauthFrom: null, renewal };
  return {
    expiresAt,
    lapsesAt: earliest(record.metadata.refreshExpiresAt, record.grant.endsAt),
    reauthFrom: reauthFrom(record),
    renewal,
  };
};

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

const standing = (
  { expiresAt, lapsesAt, reauthFrom: askFrom, renewal }: Facts,
  cause: StatusReason | null,
  now: number,
): StatusView => {
  const valid = expiresAt === null || expiresAt > now;
  const expired = lapsesAt !== null && lapsesAt <= now;
  if (valid || (renewal === 'good' && !expired)) {
    const ask = renewal === 'dead' || (askFrom !== null && askFrom <= now);
    return { status: 'CONNECTED', action: ask ? 'REAUTH' : 'NONE', reason: cause ?? (ask ? 'grant_lapses' : null) };
  }
  if (renewal === 'failing' && !expired) return { status: 'EXPIRED', action: 'RETRY', reason: cause };
  return { status: 'EXPIRED', action: 'REAUTH', reason: endReason(renewal, cause) };
};

const endReason = (renewal: Facts['renewal'], cause: StatusReason | null): StatusReason => {
  switch (renewal) {
    case 'none':
      return 'access_token_expired';
    case 'dead':
      return cause ?? 'grant_refused';
    case 'good':
    case 'failing':
      return 'refresh_token_expired';
  }
};
