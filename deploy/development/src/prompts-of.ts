import type { PlatformStatus, UserState } from '@vault-engine/client';

/** A request to a user. */
export interface Prompt {
  /** E.g. `u1: reconnect Notion; the grant expires in 3 days`. */
  readonly text: string;
  /** Equal for the same request with the same reason, independent of time. */
  readonly key: string;
}

/** The requests to a user at `now` (Unix milliseconds). */
export const promptsOf = ({ userId, revision, platforms }: UserState, now: number): readonly Prompt[] => {
  const prompts = platforms.flatMap((platform) => {
    const ask = askFor(platform, now);
    if (ask === null) return [];
    const { platform: id, suggestedAction, reason, lapsesAt } = platform;
    return [{ text: `${userId}: ${ask}`, key: [id, suggestedAction, reason, lapsesAt?.getTime()].join('/') }];
  });
  const connected = platforms.some(({ status }) => status !== 'MISSING');
  if (revision === 0 || connected || prompts.length > 0) return prompts;
  return [{ text: `${userId}: connect a platform; none is connected`, key: 'none' }];
};

/** A platform that was never connected is not prompted for. */
const askFor = ({ displayName, status, suggestedAction, ...platform }: PlatformStatus, now: number): string | null => {
  switch (suggestedAction) {
    case 'NONE':
    case 'CONNECT':
    case 'RETRY': // The vault retries.
      return null;
    case 'RESUME':
      return `finish connecting ${displayName}`;
    case 'REAUTH':
      return `reconnect ${displayName}; ${status === 'EXPIRED' ? 'it has expired' : endOf(platform, now)}`;
  }
};

const endOf = ({ reason, lapsesAt }: Pick<PlatformStatus, 'reason' | 'lapsesAt'>, now: number): string => {
  const when = lapsesAt === null ? '' : ` ${inWords(lapsesAt.getTime() - now)}`;
  return reason === 'grant_lapses' ? `the grant expires${when}` : `the grant was rejected and the token expires${when}`;
};

const UNITS = [
  ['day', 86_400_000],
  ['hour', 3_600_000],
  ['minute', 60_000],
  ['second', 1_000],
] as const;
const english = new Intl.RelativeTimeFormat('en');

/** E.g. `in 3 days`. */
const inWords = (ms: number): string => {
  const [unit, length] = UNITS.find(([, each]) => ms >= each) ?? UNITS[3];
  return english.format(Math.round(ms / length), unit);
};
