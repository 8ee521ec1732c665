const AT_ONCE = 64;

/** What comes, in arrays of up to 64: so many are worked on side by side. */
export const inBatches = async function* <T>(
  items: AsyncIterable<T> | Iterable<T>,
): AsyncGenerator<readonly T[], void> {
  let batch: T[] = [];
  for await (const item of items) {
    if (batch.push(item) < AT_ONCE) continue;
    yield batch;
    batch = [];
  }
  if (batch.length > 0) yield batch;
};
