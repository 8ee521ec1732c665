import { reveal } from '@vault-engine/crypto/plaintext';
import { describe, expect, it } from 'vitest';
import type { DeadlineBudget } from '../call.ts';
import { type AuditEntry, PortUnavailable } from '../ports.ts';
import type { RevokeOutcome } from '../providers.ts';
import { connectionOf, impatient, patient, terms, WRONG_KEY } from '../testing/connection-samples.ts';
import { callOf, GMAIL, keys, NOW, USER, WRAPPED } from '../testing/flow-samples.ts';
import type { Claimed } from '../token-store.ts';
import { type EndingParts, endGrant } from './end-grant.ts';

const CLAIMED: Claimed = { kind: 'claimed', before: null };
const HELD: Claimed = { kind: 'held', lease: { owner: 'another', until: NOW + 1, phase: 'called' } };

interface Script {
  readonly outcome?: RevokeOutcome;
  readonly claims?: readonly Claimed[];
  readonly parts?: Partial<EndingParts>;
  readonly deadlineBudget?: DeadlineBudget;
  readonly registered?: boolean;
}

/** Runs it, and tells in which order who was asked for what. */
const run = async ({ outcome = { kind: 'revoked' }, claims = [CLAIMED], ...how }: Script = {}) => {
  const told: string[] = [];
  const owners = new Set<string>();
  const left = [...claims];
  const vault: EndingParts = {
    store: {
      readConnection: async () => ({ user: { revision: 5, dataKey: WRAPPED }, record: connectionOf(3) }),
      claim: async ({ owner, tokenVersion }) => {
        const claimed = left.shift() ?? HELD;
        owners.add(owner);
        told.push(`claim ${tokenVersion}: ${claimed.kind}`);
        return claimed;
      },
    },
    keys,
    journal: {
      encodeAudit: ({ action, result, reason, requestId, recordVersion }: AuditEntry) =>
        Buffer.from(`${action} ${result} ${reason} ${recordVersion} ${requestId === callOf('').requestId}`),
      encodeEvent: () => Buffer.alloc(0),
      record: async (entry) => {
        told.push(entry.toString());
      },
      publish: async () => undefined,
    },
    providers: {
      terms: () => (how.registered === false ? null : terms),
      refreshTimeoutMs: 20_000,
      revoke: async (platform, { access, refresh }, params) => {
        const tokens = [access, refresh].map((token) => token && reveal(token).toString());
        told.push(`revoke ${platform} ${tokens} ${JSON.stringify(params)}`);
        return outcome;
      },
    },
    now: () => NOW,
    uuid: () => 'id',
    ...how.parts,
  };
  const end = await endGrant(
    vault,
    callOf('RevokeToken'),
    { user: USER, platform: GMAIL },
    how.deadlineBudget ?? patient,
  ).catch((error: unknown) => error);
  return { end, told, owners: [...owners] };
};

const STARTED = 'RevokeGrant started null 3 true';
const REVOKE = 'revoke gmail access,refresh {"region":"eu"}';

describe('ending a grant', () => {
  it('takes the lease, audits the intent, asks the provider once, and audits what came of it', async () => {
    const { end, told } = await run();
    expect(end).toEqual({ outcome: 'revoked', reason: null });
    expect(told).toEqual(['claim 3: claimed', STARTED, REVOKE, 'RevokeGrant ok null 3 true']);
  });

  it('has the lease in the name of the command, so that its next attempt has it already', async () => {
    expect((await run()).owners).toEqual([callOf('RevokeToken').requestId]);
  });

  it.each<[RevokeOutcome, string]>([
    [{ kind: 'not_supported' }, 'ok not_supported'],
    [{ kind: 'failed', reason: 'provider_error' }, 'provider_unavailable provider_error'],
    [{ kind: 'failed', reason: 'client_refused' }, 'provider_misconfigured client_refused'],
  ])('tells of %j in the answer and in the audit log', async (outcome, audited) => {
    const { end, told } = await run({ outcome });
    expect(end).toEqual({ outcome: outcome.kind, reason: outcome.kind === 'failed' ? outcome.reason : null });
    expect(told.at(-1)).toBe(`RevokeGrant ${audited} 3 true`);
  });

  it('does not wait longer for a provider than the command has time', async () => {
    const { end, told } = await run({ deadlineBudget: impatient });
    expect(end).toEqual({ outcome: 'failed', reason: 'no_answer' });
    expect(told.at(-1)).toBe('RevokeGrant provider_unavailable no_answer 3 true');
  });

  it('asks no provider and audits nothing for a platform without a client', async () => {
    expect(await run({ registered: false })).toEqual({
      end: { outcome: 'not_supported', reason: null },
      told: [],
      owners: [],
    });
  });

  it('waits for a refresh that is under way, and reads again what it left', async () => {
    const { told } = await run({ claims: [HELD, { kind: 'changed' }, CLAIMED] });
    expect(told).toEqual([
      'claim 3: held',
      'claim 3: changed',
      'claim 3: claimed',
      STARTED,
      REVOKE,
      'RevokeGrant ok null 3 true',
    ]);
  });

  it('does not wait for ever for a refresh that hangs', async () => {
    const { end, told } = await run({ claims: [] });
    expect(end).toEqual({ outcome: 'revoked', reason: null });
    expect(told.filter((line) => line.startsWith('claim'))).toHaveLength(20);
  });

  it('answers nothing where the connection is gone', async () => {
    const store = { readConnection: async () => ({ user: null, record: null }), claim: async () => CLAIMED };
    expect(await run({ parts: { store } })).toMatchObject({ end: null, told: [] });
  });

  it('lets tokens that do not open be deleted, and says that the grant may live on', async () => {
    const { end, told } = await run({ parts: { keys: { ...keys, keyOf: () => WRONG_KEY } } });
    expect(end).toEqual({ outcome: 'failed', reason: 'token_unreadable' });
    expect(told).toEqual(['claim 3: claimed', STARTED, 'RevokeGrant internal token_unreadable 3 true']);
  });

  it('asks the provider after the intent is in the audit log', async () => {
    const out = new PortUnavailable('audit', 'out');
    const journal = {
      encodeAudit: () => Buffer.alloc(0),
      encodeEvent: () => Buffer.alloc(0),
      record: () => Promise.reject(out),
      publish: async () => undefined,
    };
    expect(await run({ parts: { journal } })).toMatchObject({ end: out, told: ['claim 3: claimed'] });
  });
});
