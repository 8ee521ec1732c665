/** Error codes of a network or of a part outside this process: another attempt may succeed. */
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

/** Error classes of this project that mean: a part did not answer. */
const OUTAGE_NAMES: ReadonlySet<string> = new Set(['PortUnavailable', 'RegistryUnavailable', 'TimeoutError']);

/**
 * Whether another attempt may succeed: a `PortUnavailable`, an error with `retriable: true` (Kafka drivers set it), a
 * timeout, or a network error, also as a cause or inside an `AggregateError`. A service stops for every other error.
 */
export const isOutage = (error: unknown): boolean => {
  if (!(error instanceof Error)) return false;
  if (OUTAGE_NAMES.has(error.name)) return true;
  if ('retriable' in error && error.retriable === true) return true;
  if ('code' in error && typeof error.code === 'string' && OUTAGE_CODES.has(error.code)) return true;
  if (error instanceof AggregateError && error.errors.some(isOutage)) return true;
  return error.cause !== undefined && isOutage(error.cause);
};
