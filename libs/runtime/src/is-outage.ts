/** Codes of errors that a network or a part outside this process causes, and time can heal. */
const OUTAGE_CODES: ReadonlySet<string> = new Set([
  'ECONNREFUSED',
  'ECONNRESET',
  'ECONNABORTED',
  'EHOSTUNREACH',
  'ENETUNREACH',
  'ENOTFOUND',
  'EAI_AGAIN',
  'EPIPE',
  'ETIMEDOUT',
  'UND_ERR_CONNECT_TIMEOUT',
  'UND_ERR_HEADERS_TIMEOUT',
  'UND_ERR_SOCKET',
]);

/** Errors of our own that say that a part gave no answer. */
const OUTAGE_NAMES: ReadonlySet<string> = new Set(['PortUnavailable', 'RegistryUnavailable', 'TimeoutError']);

/**
 * Whether waiting may help: a `PortUnavailable`, an error that says of itself that it is retriable (drivers of Kafka
 * do), a timeout, or a network error, also as a cause or among several. Everything else is a fault to stop for.
 */
export const isOutage = (error: unknown): boolean => {
  if (!(error instanceof Error)) return false;
  if (OUTAGE_NAMES.has(error.name)) return true;
  if ('retriable' in error && error.retriable === true) return true;
  if ('code' in error && typeof error.code === 'string' && OUTAGE_CODES.has(error.code)) return true;
  if (error instanceof AggregateError && error.errors.some(isOutage)) return true;
  return error.cause !== undefined && isOutage(error.cause);
};
