/** A missing program or an occupied port, in one line with the remedy. */
export class MissingPart extends Error {
  override readonly name = 'MissingPart';
}

/**
 * Returns all results, or reports everything that is missing at once.
 *
 * @throws MissingPart with a line for each missing part; any other error as it is
 */
export async function allOrEveryReason<T>(work: readonly Promise<T>[]): Promise<T[]> {
  const results = await Promise.allSettled(work);
  const reasons = results.filter((result) => result.status === 'rejected').map((result): unknown => result.reason);
  const missing = reasons.filter((reason) => reason instanceof MissingPart);
  if (missing.length < reasons.length) throw reasons.find((reason) => !(reason instanceof MissingPart));
  if (missing.length > 0) throw new MissingPart([...new Set(missing.map((reason) => reason.message))].join('\n'));
  return results.filter((result) => result.status === 'fulfilled').map((result) => result.value);
}
