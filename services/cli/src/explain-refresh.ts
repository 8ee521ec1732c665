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

/** How a connection stands, and what the vault would do about it, with the reason. Times are Unix milliseconds. */
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
  /** What a refresh that is wanted now comes to. */
  readonly now: string;
  /** What happens if nobody asks. */
  readonly next: string;
}

/** Explains a connection. `terms`: null where the platform has no profile here. */
export const explainRefresh = (record: ConnectionRecord, terms: RefreshTerms | null, now: number): Explained => {
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
    now: nowText(record, mayRefresh(record, terms, now, false), now),
    next: next(record, terms, now),
  };
};

/** The lines that people read. */
export const explainedLines = (explained: Explained, now: number): readonly string[] => {
  const { token, grant, reason } = explained;
  const facts: readonly (readonly [string, string])[] = [
    ['status', `${explained.status}, suggests ${explained.suggestedAction}${reason === null ? '' : ` (${reason})`}`],
    ['token', `version ${token.version}, stored ${at(token.storedAt, now)}, ${until('lapses', token.expiresAt, now)}`],
    ['grant', `since ${at(grant.since, now)}, ${until('lapses', grant.lapsesAt, now)}${lastRefreshed(grant, now)}`],
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
  if (refresh === null) return 'none: it has no refresh token';
  switch (condition.kind) {
    case 'none':
      return 'none: nobody was registered with the platform when it was stored';
    case 'good':
      return 'good';
    case 'dead':
      return `dead since ${iso(condition.since)}: ${condition.reason}${answered(condition)}`;
    case 'failing':
      return `failing since ${iso(condition.since)}: ${condition.reason}, ${condition.failures} times${answered(condition)}; rests until ${iso(condition.retryAt)}`;
  }
};

/** The provider's last refusal: its status and its error code, which is from a bounded alphabet. */
const answered = ({ answer }: Pick<Extract<ConnectionRecord['condition'], { kind: 'failing' }>, 'answer'>): string =>
  answer === undefined ? '' : `, last answer ${answer.status}${answer.code === null ? '' : ` ${answer.code}`}`;

const lease = ({ lease: held }: ConnectionRecord, now: number): string => {
  if (held === null) return 'free';
  const asked = held.phase === 'called' ? ', and the provider may have been asked' : '';
  return held.until > now
    ? `held until ${iso(held.until)}${asked}`
    : `lapsed at ${iso(held.until)}${asked}: whoever held it died`;
};

const nowText = (record: ConnectionRecord, may: MayRefresh, now: number): string => {
  const { refresh, condition } = record;
  if (may.kind === 'yes')
    return FIRST_STEPS[
      firstStep({ terms: may.terms, rotation: record.grant.rotation, unknownSince: maybeSpentSince(record, now) }, now)
    ];
  if (may.kind === 'later')
    return `would rest: the platform is not asked again before ${at(now + may.retryAfterMs, now)}`;
  if (refresh === null || condition.kind === 'dead') return 'would not be refreshed: only the user can connect it anew';
  if (condition.kind === 'failing' && condition.retryAt > now)
    return `would rest after its failure until ${at(condition.retryAt, now)}; refresh run passes that`;
  return 'would not be refreshed: its platform has no profile here, or its grant is over';
};

const FIRST_STEPS: Readonly<Record<ReturnType<typeof firstStep>, string>> = {
  send: 'would be refreshed if it were wanted',
  ask: 'would be refreshed if it were wanted and the provider said that the refresh token is unspent, which it would be asked',
  give_up: 'would be given up if it were wanted: the refresh token may be spent, and a second use may end the grant',
};

/** How long the services wait for a provider is theirs to say: so at the latest, which a grace may be over before. */
const maybeSpentSince = (record: ConnectionRecord, now: number): number | null => {
  const expired = record.lease !== null && record.lease.until <= now ? record.lease : null;
  return unknownSince(record, expired, { leaseMs: 0, refreshTimeoutMs: 0 });
};

const next = (record: ConnectionRecord, terms: RefreshTerms | null, now: number): string => {
  const renewal = record.condition.kind === 'none' ? null : refreshAt(record, terms);
  const turn = nextStatusChangeAt(status(record, now), now);
  if (renewal !== null && (turn === null || renewal <= turn))
    return `refreshed ${renewal <= now ? 'as soon as a scheduler looks' : `by ${at(renewal, now)}`}`;
  if (turn === null) return 'nothing: it stays as it is';
  const then = status(record, turn);
  return `${then.status}, suggesting ${then.action}, at ${at(turn, now)}`;
};

const until = (verb: string, time: number | null, now: number): string =>
  time === null ? `nobody said when it ${verb}` : `${time > now ? verb : verb.replace(/s$/, 'd')} ${at(time, now)}`;

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
