/** Whether an error may pass by itself, so that the same request can succeed later: kafkajs marks each of its errors. */
export function isTransient(error: unknown): boolean {
  return error instanceof Error && 'retriable' in error && error.retriable === true;
}

/** The broker's error code, by kafkajs's name for it, from the first error of the chain of causes that has one. */
export function brokerErrorOf(error: unknown): string | undefined {
  for (let cause = error; cause instanceof Error; cause = cause.cause) {
    if ('type' in cause && typeof cause.type === 'string') return cause.type;
  }
  return undefined;
}

/** The text of an error, for a log field. */
export function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
