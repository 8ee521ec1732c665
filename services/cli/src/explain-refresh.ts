import {
  type ConnectionRecord,
  firstStep,
  type MayRefresh,
  mayRefresh,
  nextStatusChangeAt,
  type RefreshTerms,
  refreshAt,
  status,
  unknownSince,
} from '@vault-engine/vault';

/** The state of a connection and the vault's next step, with the reason. Times are Unix milliseconds. */
export interface Explained {
  readonly status: string;
  readonly suggestedAction: string;
  readonly reason: string | null;
  readonly token: { readonly version: number; readonly storedAt: number; readonly expiresAt: number | null };
  readonly grant: {
    readonly since: number;
    readonly lapsesAt: number | null;
    readonly askFrom: number | null;
    readonly refreshedAt: number | null;
  };
  readonly refreshing: string;
  readonly lease: string;
  /** What the vault would do if a refresh were requested now. */
  readonly now: string;
  /** The next scheduled refresh or status change. */
  readonly next: string;
}

/** What the explanation depends on beside the connection. */
export interface Circumstances {
  /** Null for a platform without a profile. */
  readonly terms: RefreshTerms | null;
  /** The variable with the platform's client id, if it is not set here. Services without it refresh nothing. */
  readonly missingClient: string | null;
  /** Unix milliseconds. */
  readonly now: number;
}

/** Explains a connection. */
export const explainRefresh = (
  record: ConnectionRecord,
  { terms: known, missingClient, now }: Circumstances,
): Explained => {
  const terms = missingClient === null ? known : null;
  const view = status(record, now);
  const { tokenVersion, storedAt, metadata, grant } = record;
  return {
    status: view.status,
    suggestedAction: view.action,
    reason: view.reason,
    token: { version: tokenVersion, storedAt, expiresAt: metadata.expiresAt },
    grant: { since: grant.since, lapsesAt: view.lapsesAt, askFrom: view.reauthFrom, refreshedAt: grant.refreshedAt },
    refreshing: refreshing(record),
    lease: lease(record, now),
    now:
      missingClient !== null && record.refresh !== null && known !== null
        ? `would not be refreshed unless command-worker and refresh-scheduler have ${missingClient}, which is not set here`
        : nowText(record, mayRefresh(record, terms, now, false), now),
    next: next(record, terms, now),
  };
};

/** The explanation as lines for a terminal. */
export const explainedLines = (explained: Explained, now: number): readonly string[] => {
  const { token, grant, reason } = explained;
  const facts: readonly (readonly [string, string])[] = [
    ['status', `${explained.status}, suggests ${explained.suggestedAction}${reason === null ? '' : ` (${reason})`}`],
    ['token', `version ${token.version}, stored ${at(token.storedAt, now)}, ${expiry(token.expiresAt, now)}`],
    ['grant', `since ${at(grant.since, now)}, ${expiry(grant.lapsesAt, now)}${lastRefreshed(grant, now)}`],
    ['refresh', explained.refreshing],
    ['lease', explained.lease],
    ['now', explained.now],
    ['next', explained.next],
  ];
  return facts.map(([name, text]) => `${name.padEnd(8)} ${text}`);
};

const lastRefreshed = ({ refreshedAt }: Explained['grant'], now: number): string =>
  refreshedAt === null ? ', not refreshed yet' : `, refreshed ${at(refreshedAt, now)}`;

const refreshing = ({ refresh, condition }: ConnectionRecord): string => {
  if (refresh === null) return 'none: the connection has no refresh token';
  switch (condition.kind) {
    case 'none':
      return 'none: the platform had no client registration when the token was stored';
    case 'good':
      return 'good';
    case 'dead':
      return `dead since ${iso(condition.since)}: ${condition.reason}${answered(condition)}`;
    case 'failing':
      return `failing since ${iso(condition.since)}: ${condition.reason}, ${condition.failures} failures${answered(condition)}; next attempt after ${iso(condition.retryAt)}`;
  }
};

/** The provider's last refusal: its status and its error code, which is from a bounded alphabet. */
const answered = ({ answer }: Pick<Extract<ConnectionRecord['condition'], { kind: 'failing' }>, 'answer'>): string =>
  answer === undefined ? '' : `, last answer ${answer.status}${answer.code === null ? '' : ` ${answer.code}`}`;

const lease = ({ lease: owned }: ConnectionRecord, now: number): string => {
  if (owned === null) return 'free';
  const called = owned.phase === 'called' ? '; the provider may have been called' : '';
  return owned.until > now
    ? `owned until ${iso(owned.until)}${called}`
    : `expired at ${iso(owned.until)}; the owner died${called}`;
};

const nowText = (record: ConnectionRecord, may: MayRefresh, now: number): string => {
  const { refresh, condition } = record;
  if (may.kind === 'yes')
    return FIRST_STEPS[
      firstStep({ terms: may.terms, rotation: record.grant.rotation, unknownSince: maybeSpentSince(record, now) }, now)
    ];
  if (may.kind === 'later')
    return `would not be refreshed yet: the least interval between refreshes ends ${at(now + may.retryAfterMs, now)}`;
  if (refresh === null || condition.kind === 'dead') return 'would not be refreshed: the user has to reconnect';
  if (condition.kind === 'failing' && condition.retryAt > now)
    return `would not be refreshed before ${at(condition.retryAt, now)} because the last refresh failed; refresh run ignores this backoff`;
  return 'would not be refreshed: the platform has no profile here, or the grant has expired';
};

const FIRST_STEPS: Readonly<Record<ReturnType<typeof firstStep>, string>> = {
  send: 'would be refreshed on demand',
  ask: 'would be refreshed on demand, after introspection confirms that the refresh token is still unused',
  give_up: 'would be given up on demand: the refresh token may have been used, and a second use may end the grant',
};

/**
 * The time since which the refresh token may have been used. The timeouts of the services are unknown here and taken as 0,
 * so this is the latest possible time: a grace period may be over earlier than shown.
 */
const maybeSpentSince = (record: ConnectionRecord, now: number): number | null => {
  const expired = record.lease !== null && record.lease.until <= now ? record.lease : null;
  return unknownSince(record, expired, { leaseMs: 0, refreshTimeoutMs: 0 });
};

const next = (record: ConnectionRecord, terms: RefreshTerms | null, now: number): string => {
  const refreshDue = record.condition.kind === 'none' ? null : refreshAt(record, terms);
  const changeAt = nextStatusChangeAt(status(record, now), now);
  if (refreshDue !== null && (changeAt === null || refreshDue <= changeAt))
    return `refreshed ${refreshDue <= now ? 'at the next sweep of a scheduler' : `by ${at(refreshDue, now)}`}`;
  if (changeAt === null) return 'no change expected';
  const then = status(record, changeAt);
  return `${then.status}, suggesting ${then.action}, at ${at(changeAt, now)}`;
};

const expiry = (time: number | null, now: number): string =>
  time === null ? 'expiry unknown' : `${time > now ? 'expires' : 'expired'} ${at(time, now)}`;

const at = (time: number, now: number): string => `${iso(time)} (${distance(time - now)})`;

const iso = (time: number): string => new Date(time).toISOString();

const UNITS: readonly (readonly [Intl.RelativeTimeFormatUnit, number])[] = [
  ['day', 86_400_000],
  ['hour', 3_600_000],
  ['minute', 60_000],
  ['second', 1_000],
];

const distance = (ms: number): string => {
  const [unit, size] = UNITS.find(([, least]) => Math.abs(ms) >= least) ?? ['second', 1_000];
  return new Intl.RelativeTimeFormat('en', { numeric: 'always' }).format(Math.trunc(ms / size), unit);
};
