import { AddressRefused } from './check-addresses.ts';
import type { NotSentReason } from './exchange.ts';

const RESOLVER_CODES: ReadonlySet<string> = new Set(['ENOTFOUND', 'EAI_AGAIN', 'EAI_FAIL', 'EAI_NODATA', 'ENODATA']);

/** Why no connection stands; `connected`: TCP did, TLS did not. */
export const notSentReason = (error: Error | 'timeout', connected: boolean): NotSentReason => {
  if (error === 'timeout') return 'timeout';
  if (error instanceof AddressRefused) return 'address_refused';
  if (connected) return 'tls_failed';
  return RESOLVER_CODES.has(codeOf(error)) ? 'unresolvable' : 'unreachable';
};

/** Node's code of an error, empty where it has none. */
export const codeOf = (error: Error): string => ('code' in error ? String(error.code) : '');
