/** The work did not end within its time limit. */
export class TimeLimitPassed extends Error {
  override readonly name = 'TimeLimitPassed';
}

/** Returns the work's result. @throws {TimeLimitPassed} after `ms`; the work itself continues */
export async function within<T>(ms: number, work: Promise<T>): Promise<T> {
  const late = Promise.withResolvers<never>();
  const timer = setTimeout(() => late.reject(new TimeLimitPassed(`no result within ${ms} ms`)), ms);
  try {
    return await Promise.race([work, late.promise]);
  } finally {
    clearTimeout(timer);
  }
}

/** Whether the work ended within `ms`, by success or failure. */
export async function endsWithin(ms: number, work: Promise<unknown>): Promise<boolean> {
  try {
    await within(ms, work);
    return true;
  } catch (error) {
    return !(error instanceof TimeLimitPassed);
  }
}
