import { deadlineOf } from '@vault-engine/protocol';
import type { Authenticated } from './authenticate.ts';

/**
 * How many milliseconds of `now`, Unix milliseconds, a command has until its deadline; none or fewer: it has passed.
 * The deadline counts from the broker's append, so that only this process's clock matters.
 */
export const timeLeft = ({ record, headers }: Pick<Authenticated, 'record' | 'headers'>, now: number): number =>
  deadlineOf(record.timestamp, headers.timeoutMs) - now;
