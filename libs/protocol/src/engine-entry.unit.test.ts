import { createSecretKey, randomBytes } from 'node:crypto';
import { reveal } from '@vault-engine/crypto/plaintext';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { addKey, newEntry, revoke, rotate } from './change-keys.ts';
import { credentialDigest, deriveEngineKeys, exportSubkeys, mintCredential } from './credential.ts';
import {
  allowed,
  type EngineEntry,
  type EntryContent,
  type Grant,
  isUsable,
  type KeyUse,
  openEntry,
  sealEntry,
} from './engine-entry.ts';

const dataKey = createSecretKey(randomBytes(32));
const now = 1_790_000_000_000;
const empty = newEntry({
  engine: 'action',
  wrappedKey: randomBytes(60),
  grants: [{ operations: ['GetToken'], platforms: ['gmail', 'slack'] }],
  rate: { perSecond: 100, burst: 200 },
});
const expectOk = <Value>(result: { ok: true; value: Value } | { ok: false; reason: string }): Value => {
  if (!result.ok) throw new Error(result.reason);
  return result.value;
};
const withKey = (content: EntryContent, use: KeyUse = 'kafka') => {
  const credential = mintCredential();
  return { credential, content: expectOk(addKey(content, dataKey, { credential, use, now })) };
};
const rotated = (content: EntryContent, use: KeyUse = 'kafka') => expectOk(rotate(withKey(content, use).content, use));
const states = (content: EntryContent) => content.keys.map((key) => key.state);

describe('an entry of the engines table', () => {
  it('returns the keys that both ends derive, and increments its revision', () => {
    const kafka = withKey(empty);
    const http = withKey(expectOk(rotate(kafka.content, 'kafka')), 'http');
    const first = sealEntry(http.content, dataKey);
    const second = sealEntry(expectOk(rotate(first, 'http')), dataKey);
    const opened = expectOk(openEntry(second, dataKey));

    expect([first.revision, opened.revision]).toEqual([1, 2]);
    expect(opened.grants).toEqual(empty.grants);
    for (const { credential } of [kafka, http]) {
      const key = opened.keys.get(credential.kid);
      expect(key).toMatchObject({ state: 'active' });
      const subkeys = exportSubkeys(deriveEngineKeys('action', credential));
      expect(key?.keys && reveal(exportSubkeys(key.keys)).equals(reveal(subkeys))).toBe(true);
    }
    expect(opened.keys.get(kafka.credential.kid)?.secretDigest).toBeNull();
    expect(opened.keys.get(http.credential.kid)?.secretDigest).toEqual(credentialDigest(http.credential));
  });

  it('has the same dedupe key in all revisions', () => {
    const first = sealEntry(rotated(empty), dataKey);
    const second = sealEntry(rotated(first), dataKey);
    const [a, b] = [first, second].map((entry) => expectOk(openEntry(entry, dataKey)).dedupe);
    expect(a?.equals(b ?? dataKey)).toBe(true);
  });

  const sealed = sealEntry(rotated(rotated(empty), 'http'), dataKey);
  const [key, ...others] = sealed.keys;
  it.each<[string, Partial<EngineEntry>]>([
    ['engine', { engine: 'sync' }],
    ['revision', { revision: sealed.revision + 1 }],
    ['wrapped key', { wrappedKey: randomBytes(60) }],
    ['missing key', { keys: others }],
    ['order of keys', { keys: [...sealed.keys].reverse() }],
    ['platform granted', { grants: [{ operations: ['GetToken'], platforms: ['gmail', 'slack', 'notion'] }] }],
    ['operation granted', { grants: [{ operations: ['StoreToken'], platforms: ['gmail', 'slack'] }] }],
    ['boundary between grants', { grants: [{ operations: ['GetToken', 'gmail'], platforms: ['slack'] }] }],
    ['rate', { rate: { perSecond: 1_002, burst: 0 } }],
    ['MAC', { mac: randomBytes(32) }],
  ])('is forged with another %s', (_field, other) => {
    expect(openEntry({ ...sealed, ...other }, dataKey)).toEqual({ ok: false, reason: 'forged' });
  });

  it.each([
    ['kid', { kid: '00000000' }],
    ['state', { state: 'retiring' }],
    ['use', { use: 'http' }],
    ['time', { createdAt: now + 1 }],
    ['subkeys', { subkeys: randomBytes(142) }],
    ['digest', { secretDigest: Buffer.alloc(0) }],
  ] as const)("is forged with a key's %s changed", (_field, other) => {
    const keys = key === undefined ? [] : [{ ...key, ...other }, ...others];
    expect(openEntry({ ...sealed, keys }, dataKey)).toEqual({ ok: false, reason: 'forged' });
  });

  it('is forged under another data key', () => {
    expect(openEntry(sealed, createSecretKey(randomBytes(32)))).toEqual({ ok: false, reason: 'forged' });
  });

  it('is damaged where subkeys were moved from another key before it was sealed', () => {
    const [first, second] = sealed.keys;
    const moved = sealed.keys.map((one) => ({
      ...one,
      subkeys: (one === first ? second : first)?.subkeys ?? one.subkeys,
    }));
    expect(openEntry(sealEntry({ ...sealed, keys: moved }, dataKey), dataKey)).toEqual({
      ok: false,
      reason: 'damaged',
    });
  });
});

describe('the keys of an engine', () => {
  it('are pending until the engine is rotated to them', () => {
    const { content } = withKey(empty);
    expect(states(content)).toEqual(['pending']);
    expect(content.keys.some(isUsable)).toBe(false);
    expect(states(expectOk(rotate(content, 'kafka')))).toEqual(['active']);
  });

  it('overlap while the engine moves from one to the next', () => {
    expect(states(rotated(rotated(empty)))).toEqual(['retiring', 'active']);
  });

  it('are not rotated without a pending key, or where a third key would be usable', () => {
    expect(rotate(empty, 'kafka')).toEqual({ ok: false, reason: 'no_pending_key' });
    expect(rotate(withKey(empty, 'http').content, 'kafka')).toEqual({ ok: false, reason: 'no_pending_key' });
    const third = withKey(rotated(rotated(empty))).content;
    expect(rotate(third, 'kafka')).toEqual({ ok: false, reason: 'retiring_exists' });
    expect(states(expectOk(rotate(expectOk(revoke(third, third.keys[0]?.kid ?? '')), 'kafka')))).toEqual([
      'revoked',
      'retiring',
      'active',
    ]);
  });

  it('have at most one pending key per use, and distinct ids', () => {
    const { content, credential } = withKey(empty);
    const added = { credential: mintCredential(), use: 'kafka', now } as const;
    expect(addKey(content, dataKey, added)).toEqual({ ok: false, reason: 'pending_exists' });
    expect(addKey(content, dataKey, { ...added, use: 'http' }).ok).toBe(true);
    expect(addKey(content, dataKey, { credential, use: 'http', now })).toEqual({ ok: false, reason: 'kid_taken' });
  });

  it('lose their subkeys when revoked, keep their id, and are never usable again', () => {
    const { content, credential } = withKey(empty, 'http');
    const revoked = expectOk(revoke(content, credential.kid));
    expect(revoked.keys).toMatchObject([{ kid: credential.kid, state: 'revoked', secretDigest: null }]);
    expect(revoked.keys[0]?.subkeys.length).toBe(0);
    expect(rotate(revoked, 'http')).toEqual({ ok: false, reason: 'no_pending_key' });
    expect(addKey(revoked, dataKey, { credential, use: 'http', now })).toEqual({ ok: false, reason: 'kid_taken' });
    expect(revoke(empty, credential.kid)).toEqual({ ok: false, reason: 'unknown_key' });
    const opened = expectOk(openEntry(sealEntry(revoked, dataKey), dataKey));
    expect(opened.keys.get(credential.kid)).toMatchObject({ state: 'revoked', keys: null });
  });

  it('have at most two usable keys and one active key per use, after any sequence of changes', () => {
    const step = fc.record({
      what: fc.constantFrom('add', 'rotate', 'revoke'),
      use: fc.constantFrom<KeyUse>('kafka', 'http'),
      which: fc.nat(20),
    });
    fc.assert(
      fc.property(fc.array(step, { maxLength: 30 }), (steps) => {
        let content: EntryContent = empty;
        for (const { what, use, which } of steps) {
          const credential = mintCredential();
          const kid = content.keys[which % (content.keys.length || 1)]?.kid ?? '';
          const changes = {
            add: () => addKey(content, dataKey, { credential, use, now }),
            rotate: () => rotate(content, use),
            revoke: () => revoke(content, kid),
          };
          const changed = changes[what]();
          if (changed.ok) content = changed.value;
          const usable = content.keys.filter((one) => one.use === use && isUsable(one));
          expect(usable.length).toBeLessThanOrEqual(2);
          expect(usable.filter((one) => one.state === 'active').length).toBeLessThanOrEqual(1);
        }
      }),
      { numRuns: 50 },
    );
  });
});

const grants: readonly Grant[] = [
  { operations: ['GetToken', 'StoreToken'], platforms: ['gmail', 'slack'] },
  { operations: ['GetStatus'], platforms: ['*'] },
];

describe('allowed', () => {
  it('covers each operation of a grant on each platform of the grant', () => {
    expect(allowed(grants, 'GetToken', 'gmail')).toBe(true);
    expect(allowed(grants, 'StoreToken', 'slack')).toBe(true);
  });

  it('does not mix the operations of one grant with the platforms of another', () => {
    expect(allowed(grants, 'GetToken', 'notion')).toBe(false);
    expect(allowed(grants, 'RevokeToken', 'gmail')).toBe(false);
  });

  it('takes * as every platform, or every operation', () => {
    expect(allowed(grants, 'GetStatus', 'notion')).toBe(true);
    expect(allowed([{ operations: ['*'], platforms: ['gmail'] }], 'RevokeToken', 'gmail')).toBe(true);
    expect(allowed([{ operations: ['*'], platforms: ['gmail'] }], 'RevokeToken', 'slack')).toBe(false);
  });

  it('covers an operation on the whole user only where all platforms are granted', () => {
    expect(allowed(grants, 'GetStatus', null)).toBe(true);
    expect(allowed(grants, 'GetToken', null)).toBe(false);
  });

  it('covers nothing without a grant, and no platform named *', () => {
    expect(allowed([], 'GetToken', 'gmail')).toBe(false);
    expect(allowed(grants, 'GetToken', '*')).toBe(false);
  });
});
