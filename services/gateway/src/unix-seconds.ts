/** REST speaks Unix seconds, all else milliseconds or dates: here they are converted, once. */

/** The time of `seconds`. */
export const timeOf = (seconds: number | null | undefined): Date | null =>
  seconds == null ? null : new Date(seconds * 1_000);

/** The second that `time` lies in: a token is never said to live longer than it does. */
export const secondsOf = (time: Date | null): number | null => (time === null ? null : wholeSecondsOf(time));

/** {@link secondsOf} a time that is always said. */
export const wholeSecondsOf = (time: Date): number => Math.floor(time.getTime() / 1_000);
