/** How far an engine's clock may be from the broker's. */
export const MAX_SENT_SKEW_MS = 60_000;

/** The times that a command's freshness is judged by, all Unix milliseconds. */
export interface CommandTimes {
  /** The engine's clock when it signed. */
  readonly sentMs: number;
  /** The broker's clock when it appended the message (`LogAppendTime`). */
  readonly appendMs: number;
  readonly now: number;
  /** How long the topic keeps commands. */
  readonly retentionMs: number;
}

/** `sent_too_early`, `sent_too_late`: signed more than 60 s before or after it was appended. `past_retention`: too old. */
export type Freshness = 'fresh' | 'sent_too_early' | 'sent_too_late' | 'past_retention';

/**
 * Whether a command may still be executed. A copy of an old message that someone appends again is refused by its sent
 * time; within the 60 s it finds the dedupe record, which outlives the topic's retention.
 */
export const freshness = ({ sentMs, appendMs, now, retentionMs }: CommandTimes): Freshness => {
  if (appendMs - sentMs > MAX_SENT_SKEW_MS) return 'sent_too_early';
  if (sentMs - appendMs > MAX_SENT_SKEW_MS) return 'sent_too_late';
  return now - appendMs > retentionMs ? 'past_retention' : 'fresh';
};

/** When nobody waits for the answer any more: only the broker's clock counts, so an engine's may be wrong. */
export const deadlineOf = (appendMs: number, timeoutMs: number): number => appendMs + timeoutMs;
