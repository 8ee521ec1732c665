/** The work did not end in time. */
export class TimeLimitPassed extends Error {
  override readonly name = 'TimeLimitPassed';
}

/** The work's outcome, or {@link TimeLimitPassed} if there is none after `ms`. The work itself goes on. */
export async function within<T>(ms: number, work: Promise<T>): Promise<T> {
  const late = Promise.withResolvers<never>();
  const timer = setTimeout(() => late.reject(new TimeLimitPassed(`no outcome within ${ms} ms`)), ms);
  try {
    return await Promise.race([work, late.promise]);
  } finally {
    clearTimeout(timer);
  }
}

/** Whether the work came to an end in time; a failure is one too. */
export async function endsWithin(ms: number, work: Promise<unknown>): Promise<boolean> {
  try {
    await within(ms, work);
    return true;
  } catch (error) {
    return !(error instanceof TimeLimitPassed);
  }
}
