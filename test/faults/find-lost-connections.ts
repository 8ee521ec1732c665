import { type ConnectionStateView, openConnectionStateView, type PlatformStatus } from '@vault-engine/client';
import type { Got } from './get-token-patiently.ts';
import { holdsWithin } from './holds-within.ts';
import type { RefreshingService, RefreshingVault } from './open-refreshing-vault.ts';
import { type AuditSeen, type Evidence, groupBy, readEvidence } from './read-evidence.ts';

/** A connection whose access token had lapsed, and what those who asked for it got. */
export interface Asked {
  readonly userId: string;
  /** The refresh token that it was stored with. */
  readonly refreshToken: string;
  readonly got: readonly Got[];
}

/** A process that was killed. */
export interface Kill {
  readonly service: RefreshingService;
  /** When it was about to be killed, and when it had ended, Unix milliseconds. */
  readonly from: number;
  readonly to: number;
}

/** What became of connections while processes were killed. */
export interface Outcomes {
  /** Each place where something is not as it has to be, in words. */
  readonly breaches: readonly string[];
  readonly renewed: number;
  /** The refresh token was spent, and the process died before the answer was written. */
  readonly lost: number;
  /** Renewals that a kill has interrupted. */
  readonly interrupted: number;
}

/** Longer than any renewal. */
const EXPLAINED_MS = 6_000;
const SHOWN_WITHIN_MS = 20_000;

/**
 * Checks that each connection either has new credentials, which everybody who asked was given and the server takes, or was
 * lost to a kill between its renewal at the server and the writing of it, which everybody is told as its reason. Worker,
 * topic, server and audit log agree about which.
 */
export const findLostConnections = async (
  at: RefreshingVault,
  connections: readonly Asked[],
  kills: readonly Kill[],
): Promise<Outcomes> => {
  const written = byUser(await readEvidence(at.vault));
  const view = await openConnectionStateView({ ...at.vault.place });
  try {
    await view.ready;
    const looked = await Promise.all(connections.map((connection) => look(at, view, written, connection)));
    return {
      breaches: looked.flatMap((one) => breachesOf(one, kills)),
      renewed: looked.filter(({ isLost }) => !isLost).length,
      lost: looked.filter(({ isLost }) => isLost).length,
      interrupted: looked.reduce((sum, { interrupted }) => sum + interrupted.length, 0),
    };
  } finally {
    await view.close();
  }
};

/** What the topics hold, by user. */
interface Written {
  readonly audits: ReadonlyMap<string, Evidence['audits']>;
  readonly events: ReadonlyMap<string, Evidence['events']>;
}

const byUser = ({ audits, events }: Evidence): Written => ({
  audits: groupBy(audits, ({ user_id: user }) => user ?? ''),
  events: groupBy(events, ({ user_id: user }) => user),
});

interface Looked {
  readonly asked: Asked;
  readonly isLost: boolean;
  /** The server no longer takes the refresh token that the connection began with. */
  readonly isSpent: boolean;
  /** Whether it takes the access token that was handed out. */
  readonly isAccepted: boolean;
  /** As the worker says, and as the topic does. */
  readonly said: string;
  readonly shown: string;
  /** In the order of their revisions. */
  readonly changes: string;
  /** Its audit records about renewals: `started`, and what they came to. */
  readonly refreshes: readonly AuditSeen[];
  /** Renewals that began and came to nothing. */
  readonly interrupted: readonly AuditSeen[];
}

const look = async (
  at: RefreshingVault,
  view: ConnectionStateView,
  { audits, events }: Written,
  asked: Asked,
): Promise<Looked> => {
  const { userId, refreshToken, got } = asked;
  const [reader] = at.clients;
  const standing = (platforms: readonly PlatformStatus[]) =>
    standingOf(platforms.find(({ platform }) => platform === at.platform));
  const said = standing((await reader.getStatus({ userId })).platforms);
  await holdsWithin(SHOWN_WITHIN_MS, async () => standing(view.get(userId).platforms) === said);
  // Of several partitions there is no order in which they are read.
  const refreshes = (audits.get(userId) ?? [])
    .filter(({ action }) => action === 'RefreshToken')
    .toSorted((a, b) => a.time - b.time);
  const begun = groupBy(refreshes, ({ result }) => result).get('started') ?? [];
  const isLost = said !== GOOD;
  const token = got.find(({ issued }) => issued !== null)?.issued?.accessToken;
  return {
    asked,
    isLost,
    isSpent: !(await at.takes(refreshToken)),
    isAccepted: token !== undefined && (await at.server.accepts(token)),
    said,
    shown: standing(view.get(userId).platforms),
    changes: (events.get(userId) ?? [])
      .toSorted((a, b) => a.revision - b.revision)
      .map(({ change }) => change)
      .join(),
    refreshes,
    interrupted: isLost ? begun : begun.slice(0, -1),
  };
};

const standingOf = (platform: PlatformStatus | undefined): string =>
  platform === undefined ? 'nothing' : `${platform.status}/${platform.suggestedAction}/${platform.reason ?? ''}`;

const GOOD = 'CONNECTED/NONE/';
const LOST = 'EXPIRED/REAUTH/outcome_unknown';

const breachesOf = (looked: Looked, kills: readonly Kill[]): readonly string[] => {
  const { asked, isLost, isSpent, isAccepted, said, shown, changes, refreshes, interrupted } = looked;
  const { got, userId } = asked;
  const answers = new Set(got.map(({ issued, code }) => (issued === null ? code : `token ${issued.tokenVersion}`)));
  const tokens = new Set(got.flatMap(({ issued }) => (issued === null ? [] : [issued.accessToken])));
  const written = refreshes.filter(({ result }) => result === 'ok').length;
  const expected = isLost
    ? { said: LOST, tokens: 0, written: 0, changes: 'CONNECTED,EXPIRED' }
    : { said: GOOD, tokens: 1, written: 1, changes: 'CONNECTED,RENEWED' };
  const wrong = [
    said !== expected.said && `stands as ${said}`,
    shown !== said && `stands as ${said} and is shown as ${shown}`,
    (tokens.size !== expected.tokens || answers.size !== 1) && `is answered with ${[...answers].join()}`,
    isLost && !isSpent && 'is lost, and the server takes its refresh token',
    isLost && !answers.has('expired_token') && `is lost, and answered with ${[...answers].join()}`,
    !isLost && !isSpent && 'has new tokens, and the server takes the old refresh token',
    !isLost && !isAccepted && 'has a token that the server does not take',
    written !== expected.written && `was renewed ${written} times by the audit log`,
    changes !== expected.changes && `has the events ${changes}`,
    ...interrupted.map(
      (one) => !isExplained(one, kills) && `lost a renewal of ${one.engine} to no kill: ${resultsOf(refreshes)}`,
    ),
  ].filter((words) => words !== false);
  return wrong.map((words) => `${userId} ${words}`);
};

const resultsOf = (refreshes: readonly AuditSeen[]): string =>
  refreshes.map(({ result, reason, time }) => `${result} ${reason ?? ''} at ${time}`).join(', ');

/** Whether one of those that may have begun it was killed soon after. */
const isExplained = ({ engine, time }: AuditSeen, kills: readonly Kill[]): boolean => {
  const by: RefreshingService = engine === 'refresh-scheduler' ? 'refresh-scheduler' : 'command-worker';
  return kills.some(({ service, from, to }) => service === by && to >= time && from <= time + EXPLAINED_MS);
};
