import type { Bus, BusRecord, TableOptions } from '@vault-engine/bus';
import type { Codec } from '@vault-engine/contracts';
import { type Following, followDecoded } from './follow-decoded.ts';
import { readState, type StateRecord } from './read-state.ts';

/** How the state topic is followed. */
export interface FollowStatesOptions {
  readonly bus: Bus;
  readonly codec: Pick<Codec, 'decode'>;
  /** `vault.connection-state`. */
  readonly topic: string;
  /** Told of each message, in the order of its partition; `at` is where it lies. */
  readonly onRecord: (record: StateRecord, at: BusRecord) => void;
  /** The topic was deleted and made again: it is read from its beginning. */
  readonly onReset: NonNullable<TableOptions['onReset']>;
  /** The topic is followed no more. */
  readonly onFatal: (error: unknown) => void;
}

/** Reads the state topic whole and follows it. Whoever listens keeps the rule of revisions: `supersedes`. */
export const followStates = ({ codec, onRecord, ...options }: FollowStatesOptions): Promise<Following> =>
  followDecoded({
    ...options,
    read: (at) => {
      const record = readState(codec, at);
      return record instanceof Promise ? record.then((late) => ({ record: late, at })) : { record, at };
    },
    onRead: ({ record, at }) => onRecord(record, at),
  });
