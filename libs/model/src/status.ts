/** The status of a connection. REST says `active`, `expired`, `missing`. */
export type ConnectionStatus = 'CONNECTED' | 'EXPIRED' | 'MISSING';

/** What the user or the engine can do about a status. */
export type StatusAction = 'NONE' | 'REAUTH' | 'RETRY' | 'CONNECT' | 'RESUME';

/** Why refreshes fail for now, from a closed list. */
export type FailingReason =
  | 'provider_unavailable'
  | 'provider_throttles'
  | 'provider_misconfigured'
  /** The refresh token was sent and the answer was lost: the refresh token may be spent. */
  | 'outcome_unknown'
  /** The provider refuses the grant, and the refusal is not confirmed yet: the connection is suspect. */
  | 'grant_refused';

/** Why a connection can't go on without the user, from a closed list. */
export type DeadReason =
  | 'grant_refused'
  | 'outcome_unknown'
  /** An engine reported that the provider has revoked the grant: the access token is not usable either. */
  | 'reported_revoked';

/** Why a connection needs attention, from a closed list. */
export type StatusReason =
  | 'access_token_expired'
  | 'refresh_token_expired'
  /** The grant ends soon, and the vault can't extend it. */
  | 'grant_lapses'
  /** An engine says that the platform rejects the access token. */
  | 'access_rejected'
  | FailingReason
  | DeadReason;

/** How refreshes of a connection go; `none`: it is not refreshed. */
export type RefreshHealth = 'none' | 'good' | 'failing' | 'dead';

/** The state of one connection at one moment. {@link statusAt} derives its status at a later moment from it. */
export interface ConnectionView {
  readonly status: ConnectionStatus;
  readonly action: StatusAction;
  readonly reason: StatusReason | null;
  /** When the access token expires, Unix milliseconds. */
  readonly expiresAt: number | null;
  /** When the connection can't go on without the user, Unix milliseconds; null where nobody said. */
  readonly lapsesAt: number | null;
  /** From when on the user is asked to reconnect ahead of `lapsesAt`, Unix milliseconds; null: not ahead. */
  readonly reauthFrom: number | null;
  readonly renewal: RefreshHealth;
}

/** The part of a view that depends on the time. */
export type StatusView = Pick<ConnectionView, 'status' | 'action' | 'reason'>;

/** The part of a view that does not depend on the time. */
export type StatusFacts = Pick<ConnectionView, 'expiresAt' | 'lapsesAt' | 'reauthFrom' | 'renewal'>;

/**
 * The status of a connection with these facts at `now` (Unix milliseconds). The vault, its callers and the status topic
 * share this rule: no I/O, no clock. A token is usable before its `expiresAt`, and no longer at it.
 *
 * @param cause Why refreshes fail; null where they don't.
 */
export const statusOf = (
  { expiresAt, lapsesAt, reauthFrom, renewal }: StatusFacts,
  cause: StatusReason | null,
  now: number,
): StatusView => {
  const valid = expiresAt === null || expiresAt > now;
  const ended = lapsesAt !== null && lapsesAt <= now;
  if (valid || (renewal === 'good' && !ended)) {
    const ask = renewal === 'dead' || (reauthFrom !== null && reauthFrom <= now);
    return { status: 'CONNECTED', action: ask ? 'REAUTH' : 'NONE', reason: cause ?? (ask ? 'grant_lapses' : null) };
  }
  if (renewal === 'failing' && !ended) return { status: 'EXPIRED', action: 'RETRY', reason: cause };
  return { status: 'EXPIRED', action: 'REAUTH', reason: endReason(renewal, cause) };
};

const endReason = (renewal: RefreshHealth, cause: StatusReason | null): StatusReason => {
  switch (renewal) {
    case 'none':
      return cause ?? 'access_token_expired';
    case 'dead':
      return cause ?? 'grant_refused';
    case 'good':
    case 'failing':
      return 'refresh_token_expired';
  }
};

/** The status at `now` of a connection that was last seen as `view`, if nothing but time has passed. */
export const statusAt = (view: ConnectionView, now: number): StatusView => {
  const { status, action, reason } = view;
  if (status === 'MISSING') return { status, action, reason };
  const lasts = view.renewal === 'failing' || view.renewal === 'dead' || reason === 'access_rejected';
  return statusOf(view, lasts ? reason : null, now);
};

/** The status of a user's absent connection. `flow`: the flow that the user has started there, if any. */
export const absent = (flow: { readonly expiresAt: number } | null, now: number): StatusView => ({
  status: 'MISSING',
  action: flow !== null && flow.expiresAt > now ? 'RESUME' : 'CONNECT',
  reason: null,
});

/** A status as one text: equal texts mean that there is nothing to publish. */
export const statusText = ({ status, action, reason, renewal }: StatusView & Pick<ConnectionView, 'renewal'>) =>
  [status, action, renewal, reason ?? ''].join('/');

/** The next moment after `now` at which time alone changes the status, Unix milliseconds. */
export const nextStatusChangeAt = (view: ConnectionView, now: number): number | null => {
  const textAt = (at: number): string => statusText({ ...view, ...statusAt(view, at) });
  const changes = [view.expiresAt, view.lapsesAt, view.reauthFrom]
    .filter((at) => at !== null)
    .filter((at) => at > now && textAt(at) !== textAt(at - 1));
  return changes.length === 0 ? null : Math.min(...changes);
};
