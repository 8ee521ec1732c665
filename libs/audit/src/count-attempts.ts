import type { Journal } from '@vault-engine/vault';

/** What attempts are counted with. */
export interface AttemptParts {
  readonly journal: Pick<Journal, 'encodeAudit' | 'record'>;
  readonly now: () => number;
  readonly uuid: () => string;
}

/** Counts of unauthenticated attempts to act as an engine. They are not audited one by one, so that a forger cannot fill the log. */
export interface Attempts {
  /** Counts one attempt. `engine`: the claimed id, or null if no engine has it. */
  readonly note: (engine: string | null, reason: string) => void;
  /** Writes one audit record for each engine and reason since the last flush. A count that cannot be written is kept. */
  readonly flush: () => Promise<void>;
}

/** All unknown engine ids are counted under one name, so that invented ids fill neither the memory nor the log. */
const UNKNOWN = 'unknown';

/** Counts attempts by engine and reason. `reason` is from a closed list. */
export const countAttempts = (parts: AttemptParts): Attempts => {
  const counts = new Map<string, Attempt>();
  const add = (engine: string, reason: string, count: number): void => {
    const line = `${engine} ${reason}`;
    counts.set(line, { engine, reason, count: count + (counts.get(line)?.count ?? 0) });
  };
  const write = async (attempt: Attempt): Promise<void> => {
    try {
      await parts.journal.record(recordOf(parts, attempt));
    } catch (error) {
      add(attempt.engine, attempt.reason, attempt.count);
      throw error;
    }
  };
  return {
    note: (engine, reason) => add(engine ?? UNKNOWN, reason, 1),
    flush: async () => {
      const due = [...counts.values()];
      counts.clear();
      const written = await Promise.allSettled(due.map(write));
      const failure = written.find((one) => one.status === 'rejected');
      if (failure !== undefined) throw failure.reason;
    },
  };
};

interface Attempt {
  readonly engine: string;
  readonly reason: string;
  readonly count: number;
}

const recordOf = ({ journal, now, uuid }: AttemptParts, { engine, reason, count }: Attempt): Buffer =>
  journal.encodeAudit({
    id: uuid(),
    requestId: null,
    userId: null,
    platform: null,
    time: now(),
    engine,
    keyId: null,
    action: 'authenticate',
    result: 'unauthorized_engine',
    reason,
    recordVersion: null,
    count,
  });
