import type { PlatformStatus, UserState } from '@vault-engine/client';

/** What an engine would ask of a user. */
export interface Prompt {
  /** E.g. `u1: reconnect Notion, its grant lapses in 3 days`. */
  readonly text: string;
  /** Equal as long as the same is asked for the same reason, however much time has passed. */
  readonly key: string;
}

/** What a user has to do so that the engine can go on, at `now` (Unix milliseconds). */
export const promptsOf = ({ userId, revision, platforms }: UserState, now: number): readonly Prompt[] => {
  const prompts = platforms.flatMap((platform) => {
    const ask = askFor(platform, now);
    if (ask === null) return [];
    const { platform: id, suggestedAction, reason, lapsesAt } = platform;
    return [{ text: `${userId}: ${ask}`, key: [id, suggestedAction, reason, lapsesAt?.getTime()].join('/') }];
  });
  const connected = platforms.some(({ status }) => status !== 'MISSING');
  if (revision === 0 || connected || prompts.length > 0) return prompts;
  return [{ text: `${userId}: connect a platform, there is none`, key: 'none' }];
};

/** A single platform that was never connected is no reason to bother anybody. */
const askFor = ({ displayName, status, suggestedAction, ...platform }: PlatformStatus, now: number): string | null => {
  switch (suggestedAction) {
    case 'NONE':
    case 'CONNECT':
    case 'RETRY': // The vault tries by itself.
      return null;
    case 'RESUME':
      return `finish connecting ${displayName}, it was begun`;
    case 'REAUTH':
      return `reconnect ${displayName}, ${status === 'EXPIRED' ? 'it has lapsed' : endOf(platform, now)}`;
  }
};

const endOf = ({ reason, lapsesAt }: Pick<PlatformStatus, 'reason' | 'lapsesAt'>, now: number): string => {
  const when = lapsesAt === null ? '' : ` ${inWords(lapsesAt.getTime() - now)}`;
  return reason === 'grant_lapses' ? `its grant lapses${when}` : `its grant is gone and its token lapses${when}`;
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
