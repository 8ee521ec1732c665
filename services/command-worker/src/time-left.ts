import type { BusRecord } from '@vault-engine/bus';
import { deadlineOf, timeoutIn } from '@vault-engine/protocol';
import type { Authenticated } from './authenticate.ts';

/**
 * How many milliseconds of `now`, Unix milliseconds, a command has until its deadline; none or fewer: it has passed.
 * The deadline counts from the broker's append, so that only this process's clock matters.
 */
export const timeLeft = ({ record, headers }: Pick<Authenticated, 'record' | 'headers'>, now: number): number =>
  deadlineOf(record.timestamp, headers.timeoutMs) - now;

/**
 * Whether a record's deadline has passed as it arrives, as far as one can tell before anything about it is proven. It will
 * have no effect, so that it need not wait for the commands of its user before it.
 */
export const arrivesLate = ({ timestamp, headers }: BusRecord, now: number): boolean => {
  const timeoutMs = timeoutIn(headers);
  return timeoutMs !== null && now >= deadlineOf(timestamp, timeoutMs);
};
