import { secretOf } from '@vault-engine/crypto/plaintext';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { Credentials } from '../credentials.ts';
import type { Identified, RefreshTerms } from '../providers.ts';
import { impatient, patient, terms } from '../testing/connection-samples.ts';
import { GMAIL, SLACK } from '../testing/flow-samples.ts';
import { accountAfter, accountDigest, type Whose, whoseAccount } from './account.ts';

const credentials: Credentials = {
  access: secretOf(Buffer.from('access')),
  refresh: null,
  metadata: { tokenType: 'Bearer', scopes: [], expiresAt: null, refreshExpiresAt: null, params: {} },
};

const ask = async (identified: Identified, registered: RefreshTerms | null = terms, deadlineBudget = patient) => {
  let asked = 0;
  const identify = async () => {
    asked += 1;
    return identified;
  };
  return {
    whose: await whoseAccount({ terms: () => registered, identify }, GMAIL, credentials, deadlineBudget),
    asked,
  };
};

describe('whose account a token is of', () => {
  it('is a digest that says nothing about the account', async () => {
    const { whose } = await ask({ ok: true, value: 'ada@example.org' });
    expect(whose).toEqual({ kind: 'known', account: accountDigest(GMAIL, 'ada@example.org') });
    expect(whose).toMatchObject({ account: expect.stringMatching(/^[0-9a-f]{64}$/) });
  });

  it('is not asked for without a client for the platform', async () => {
    expect(await ask({ ok: true, value: 'ada' }, null)).toEqual({ whose: { kind: 'unasked' }, asked: 0 });
  });

  it('is nothing that can be asked where the platform has no way', async () => {
    expect((await ask({ ok: true, value: null })).whose).toEqual({ kind: 'unasked' });
  });

  it('is unknown where the provider refuses, or answers too late', async () => {
    expect((await ask({ ok: false, reason: 'refused' })).whose).toEqual({ kind: 'unknown' });
    expect((await ask({ ok: true, value: 'ada' }, terms, impatient)).whose).toEqual({ kind: 'unknown' });
  });

  it('differs by account and by platform', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'grapheme' }), fc.string({ unit: 'grapheme' }), (one, other) => {
        expect(accountDigest(GMAIL, one) === accountDigest(GMAIL, other)).toBe(one === other);
        expect(accountDigest(GMAIL, one)).not.toBe(accountDigest(SLACK, one));
      }),
    );
  });
});

describe('the account of a connection', () => {
  const whose = fc.oneof(
    fc.constantFrom<Whose>({ kind: 'unknown' }, { kind: 'unasked' }),
    fc.constantFrom('a', 'b').map((account): Whose => ({ kind: 'known', account })),
  );
  const earlier = fc.constantFrom('a', 'b', null);

  it('is refused only if both accounts are known, differ, and the caller does not allow it', () => {
    fc.assert(
      fc.property(earlier, whose, fc.boolean(), (before, now, mayChange) => {
        const differ = now.kind === 'known' && before !== null && before !== now.account;
        expect(accountAfter(before, now, mayChange).kind).toBe(differ && !mayChange ? 'mismatch' : 'account');
      }),
    );
  });

  it('is what the provider says', () => {
    fc.assert(
      fc.property(earlier, (before) => {
        expect(accountAfter(before, { kind: 'known', account: 'a' }, true)).toEqual({ kind: 'account', account: 'a' });
      }),
    );
  });

  it('stays the same when the provider does not say, unless the caller allows another: then it is unknown', () => {
    for (const kind of ['unknown', 'unasked'] as const) {
      expect(accountAfter('a', { kind }, false)).toEqual({ kind: 'account', account: 'a' });
      expect(accountAfter('a', { kind }, true)).toEqual({ kind: 'account', account: null });
    }
  });
});
