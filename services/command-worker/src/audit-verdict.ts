import { type Answer, auditOf, type Call, type Failure, type Vault } from '@vault-engine/vault';
import { failureOf, isOutage, mayWait } from './outage.ts';
import type { CommandInProgress, Verdict } from './verdict.ts';

/** Writes a verdict's audit record: no answer leaves without one, but for the answer that says that there is no audit. */
export const auditVerdict = async (
  vault: Vault,
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
  if (saysNoAudit(answer)) {
    // It was waited for already, until the deadline drew near.
    written.catch(() => undefined);
    return verdict;
  }
  try {
    await written;
    return verdict;
  } catch (error) {
    if (!isOutage(error) || mayWait(from, vault.now())) throw error;
    return { ...verdict, answer: { ok: false, failure: failureOf(error) } };
  }
};

const saysNoAudit = (answer: Answer<unknown>): boolean => !answer.ok && answer.failure.code === 'audit_unavailable';

const reasonOf = ({ reason }: Failure): { reason?: string } => (reason === undefined ? {} : { reason });
