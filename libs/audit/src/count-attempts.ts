import type { Journal } from '@vault-engine/vault';

/** What the count of attempts is kept with. */
export interface AttemptParts {
  readonly journal: Pick<Journal, 'encodeAudit' | 'record'>;
  readonly now: () => number;
  readonly uuid: () => string;
}

/** Attempts to act as an engine that prove nothing: not audited one by one, so that a forger can't fill the log. */
export interface Attempts {
  /** Counts one. `engine`: the id that was claimed, or null where no engine has it. */
  readonly note: (engine: string | null, reason: string) => void;
  /** Writes one record for each engine and reason since the last time. What can't be written is counted on. */
  readonly flush: () => Promise<void>;
}

/** Ids that nobody has are one name in the count, so that inventions fill neither the memory nor the log. */
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
