import { type AuditEntry, auditOf, type Journal, PortUnavailable, refuse, type UserId } from '@vault-engine/vault';
import { describe, expect, it } from 'vitest';
import { afterMicrotasks, auditVerdict } from './audit-verdict.ts';
import type { Verdict } from './decide.ts';
import { inProgress, NOW, sampleEngine, statusRecord, TIMEOUT_MS, USER } from './testing/command-samples.ts';
import { openPipeline } from './testing/open-pipeline.ts';

const sync = sampleEngine('sync');
const from = inProgress(sync, statusRecord(sync.keys.kafka));
const call = {
  requestId: 'a request',
  engine: 'sync',
  keyId: 'a key',
  action: 'GetStatus',
} as Parameters<typeof auditVerdict>[2]; // the rest is for mutations
const user = USER as UserId; // of the allowed characters
const refusal: Verdict = {
  subject: { user, platform: null },
  answer: refuse('forbidden', 'no grant', 'a_reason'),
  poison: null,
  error: undefined,
};

const audit = async (verdict: Verdict, record?: Journal['record'], now = NOW) => {
  const { vault, audited } = openPipeline([sync], { now: () => now, ...(record && { journal: { record } }) });
  return { result: await auditVerdict(vault, from, call, verdict), audited };
};
const unavailable = () => Promise.reject(new PortUnavailable('audit', 'no answer'));
/** Too late for another attempt. */
const LATE = NOW + TIMEOUT_MS - 100;

describe('the audit record of a verdict', () => {
  it('has subject, code and reason of a refusal', async () => {
    const { result, audited } = await audit(refusal);
    expect(result).toBe(refusal);
    expect(audited).toMatchObject([
      { requestId: 'a request', engine: 'sync', userId: USER, result: 'forbidden', reason: 'a_reason' },
    ]);
  });

  it('is the one that the use case made, for an executed command', async () => {
    const { vault } = openPipeline([sync]);
    const entry: AuditEntry = auditOf(vault, call, 'ok', { user, platform: null });
    const value = FORGOTTEN;
    const { audited } = await audit({ ...refusal, answer: { ok: true, value, audit: entry } });
    expect(audited).toEqual([entry]);
  });

  it('is not written again where the change wrote it', async () => {
    const { audited } = await audit({ ...refusal, answer: { ok: true, value: FORGOTTEN, audit: null } });
    expect(audited).toEqual([]);
  });

  it('is retried with its command while there is time', async () => {
    await expect(audit(refusal, unavailable)).rejects.toBeInstanceOf(PortUnavailable);
  });

  it('that cannot be written near the deadline turns the answer into audit_unavailable', async () => {
    const { result } = await audit(refusal, unavailable, LATE);
    expect(result.answer).toMatchObject({ ok: false, failure: { code: 'audit_unavailable' } });
  });

  it('is not waited for when the answer is audit_unavailable', async () => {
    const verdict: Verdict = { ...refusal, answer: refuse('audit_unavailable', 'the audit log does not answer') };
    const { result } = await audit(verdict, () => new Promise(() => undefined));
    expect(result).toBe(verdict);
  });

  it('that fails unexpectedly is thrown at any time', async () => {
    await expect(audit(refusal, () => Promise.reject(new TypeError('a bug')), LATE)).rejects.toThrow('a bug');
  });
});

const FORGOTTEN = {
  type: 'UserForgotten',
  value: { user_id: USER, connections: 0 },
} as const;

describe('afterMicrotasks', () => {
  it('resolves after what this turn of the event loop has queued', async () => {
    const order: string[] = [];
    setImmediate(() => order.push('sent'));
    await afterMicrotasks().then(() => order.push('next turn'));
    expect(order).toEqual(['sent', 'next turn']);
  });

  it('is one promise for all callers of one turn, and another in the next turn', async () => {
    const first = afterMicrotasks();
    expect(afterMicrotasks()).toBe(first);
    await first;
    expect(afterMicrotasks()).not.toBe(first);
  });
});
