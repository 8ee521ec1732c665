/** Something that this machine lacks or refuses, in one line that says what to do about it. */
export class MissingPart extends Error {
  override readonly name = 'MissingPart';
}

/**
 * The results of all, or everything that is missing at once, so that nobody installs one thing after another.
 *
 * @throws MissingPart with a line for each, or whatever else went wrong
 */
export async function allOrEveryReason<T>(work: readonly Promise<T>[]): Promise<T[]> {
  const results = await Promise.allSettled(work);
  const reasons = results.filter((result) => result.status === 'rejected').map((result): unknown => result.reason);
  const missing = reasons.filter((reason) => reason instanceof MissingPart);
  if (missing.length < reasons.length) throw reasons.find((reason) => !(reason instanceof MissingPart));
  if (missing.length > 0) throw new MissingPart([...new Set(missing.map((reason) => reason.message))].join('\n'));
  return results.filter((result) => result.status === 'fulfilled').map((result) => result.value);
}
