import { type Answer, auditOf, type Call, type Failure, type Vault } from '@vault-engine/vault';
import type { Verdict } from './decide.ts';
import type { CommandInProgress } from './receive.ts';
import { failureOf, isTransient, mayRetry } from './transient-failure.ts';

/**
 * Writes the audit record of a verdict. No answer leaves before its audit record is acknowledged, except the answer
 * `audit_unavailable`. Throws a transient failure of the audit log until the deadline draws near; then the verdict is
 * `audit_unavailable`.
 */
export const auditVerdict = async (
  vault: Pick<Vault, 'journal' | 'now' | 'uuid'>,
  from: CommandInProgress,
  call: Call,
  verdict: Verdict,
): Promise<Verdict> => {
  const { answer, subject } = verdict;
  const entry = answer.ok
    ? answer.audit
    : auditOf(vault, call, answer.failure.code, { ...subject, ...reasonOf(answer.failure) });
  if (entry === null) return verdict;
  const written = vault.journal.record(vault.journal.encodeAudit(entry));
  if (isAuditUnavailable(answer)) {
    // The command has waited for the audit log already, until its deadline drew near.
    written.catch(() => undefined);
    return verdict;
  }
  try {
    await written;
    return verdict;
  } catch (error) {
    if (!isTransient(error) || mayRetry(from, vault.now())) throw error;
    return { ...verdict, answer: { ok: false, failure: failureOf(error) } };
  }
};

const isAuditUnavailable = (answer: Answer<unknown>): boolean =>
  !answer.ok && answer.failure.code === 'audit_unavailable';

const reasonOf = ({ reason }: Failure): { reason?: string } => (reason === undefined ? {} : { reason });

let next: Promise<void> | undefined;

/**
 * Resolves in the next turn of the event loop, after everything that this turn has queued for sending. All callers of one
 * turn share one promise.
 */
export const afterMicrotasks = (): Promise<void> => {
  next ??= new Promise((resolve) =>
    setImmediate(() => {
      next = undefined;
      resolve();
    }),
  );
  return next;
};
