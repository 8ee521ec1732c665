/** The greatest allowed difference between an engine's clock and the broker's. */
export const MAX_SENT_SKEW_MS = 60_000;

/** The times that decide a command's freshness, in Unix milliseconds. */
export interface CommandTimes {
  /** The engine's clock at signing. */
  readonly sentMs: number;
  /** The broker's clock at appending the record (`LogAppendTime`). */
  readonly appendMs: number;
  readonly now: number;
  /** The retention of the command topic, in milliseconds. */
  readonly retentionMs: number;
}

/** `sent_too_early`, `sent_too_late`: signed more than 60 s before or after the append time. `past_retention`: too old. */
export type Freshness = 'fresh' | 'sent_too_early' | 'sent_too_late' | 'past_retention';

/**
 * Whether a command may still be executed. The sent time refuses a copy of an old record that somebody appends again. A
 * copy within the 60 s finds the dedupe record, which outlives the topic's retention.
 */
export const freshness = ({ sentMs, appendMs, now, retentionMs }: CommandTimes): Freshness => {
  if (appendMs - sentMs > MAX_SENT_SKEW_MS) return 'sent_too_early';
  if (sentMs - appendMs > MAX_SENT_SKEW_MS) return 'sent_too_late';
  return now - appendMs > retentionMs ? 'past_retention' : 'fresh';
};

/** The deadline of a command, Unix milliseconds. It depends on the broker's clock only; an engine's clock may be wrong. */
export const deadlineOf = (appendMs: number, timeoutMs: number): number => appendMs + timeoutMs;
