import { createSecretKey, randomBytes } from 'node:crypto';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { type BranchKey, branchOf, type DataKeyContext, unwrapDataKey, wrapDataKey } from './wrap-data-key.ts';

const branchKey = (branch = 7, version = 1, bytes = randomBytes(32)): BranchKey => ({
  branch,
  version,
  key: createSecretKey(bytes),
});
const context = (fields: Partial<DataKeyContext> = {}): DataKeyContext => ({
  environment: 'production',
  user: 'u1',
  kid: randomBytes(16),
  ...fields,
});

describe('a wrapped data key', () => {
  it('has the bytes of the vector in the README', () => {
    const key = branchKey(63, 2, Buffer.alloc(32, 0x11));
    const of = { environment: 'production', user: 'u1', kid: Buffer.alloc(16, 0x22) };
    const wrapped = wrapDataKey(key, of, Buffer.alloc(32, 0x33));
    expect(wrapped.toString('hex')).toMatchInlineSnapshot(
      `"56454b010000003f00000002e24e2e04ed21758cce94096763286aa8d182e2f0bfcff7bccd076471aaf76814f4fe8e18a834eb4254ed5ed2d271aa9308ddea9f8e69c8db16fc864489080abe6e70819021331b7efb3e8f6310150ad0"`,
    );
    expect(unwrapDataKey(key, of, wrapped)).toEqual({ ok: true, value: Buffer.alloc(32, 0x33) });
  });

  it('unwraps to the same key and names its branch key', () => {
    const names = fc.record({
      branch: fc.integer({ min: 0, max: 2 ** 32 - 1 }),
      version: fc.integer({ min: 1, max: 2 ** 32 - 1 }),
    });
    const users = fc.stringMatching(/^[A-Za-z0-9._@|+-]{1,128}$/);
    fc.assert(
      fc.property(names, users, ({ branch, version }, user) => {
        const [key, of, plaintext] = [branchKey(branch, version), context({ user }), randomBytes(32)];
        const wrapped = wrapDataKey(key, of, plaintext);
        expect(wrapped).toHaveLength(92);
        expect(branchOf(wrapped)).toEqual({ branch, version });
        expect(unwrapDataKey(key, of, wrapped)).toEqual({ ok: true, value: plaintext });
        expect(wrapDataKey(key, of, plaintext)).toEqual(wrapped);
        expect(wrapped.includes(plaintext)).toBe(false);
      }),
    );
  });

  const [key, of, plaintext] = [branchKey(), context(), randomBytes(32)];
  const wrapped = wrapDataKey(key, of, plaintext);

  it.each([
    ['another user', { ...of, user: 'u2' }],
    ['another environment', { ...of, environment: 'staging' }],
    ['another key id', { ...of, kid: randomBytes(16) }],
    ['a moved boundary between environment and user', { ...of, environment: 'productionu', user: '1' }],
  ])('is refused for %s', (_, other) => {
    expect(unwrapDataKey(key, other, wrapped)).toEqual({ ok: false, reason: 'context' });
  });

  it.each([
    ['another key of the same name', branchKey(), 'context'],
    ['another branch', branchKey(8, 1, key.key.export()), 'other_key'],
    ['another version', branchKey(7, 2, key.key.export()), 'other_key'],
  ] as const)('is refused under %s', (_, other, reason) => {
    expect(unwrapDataKey(other, of, wrapped)).toEqual({ ok: false, reason });
  });

  it('is refused with any byte changed', () => {
    for (let at = 0; at < wrapped.length; at += 1) {
      const changed = Buffer.from(wrapped);
      changed.writeUInt8(changed.readUInt8(at) ^ 1, at);
      const reason = at < 4 ? 'malformed' : at < 12 ? 'other_key' : at < 44 ? 'context' : 'tampered';
      expect(unwrapDataKey(key, of, changed), `byte ${at}`).toEqual({ ok: false, reason });
    }
  });

  it('is refused when its header is moved to another branch key of the same bytes', () => {
    const other = branchKey(8, 1, key.key.export());
    const moved = Buffer.from(wrapped);
    moved.writeUInt32BE(8, 4);
    expect(unwrapDataKey(other, of, moved)).toEqual({ ok: false, reason: 'context' });
  });

  it('is refused when it is cut off or longer', () => {
    for (const bytes of [wrapped.subarray(0, -1), Buffer.concat([wrapped, Buffer.alloc(1)]), Buffer.alloc(0)]) {
      expect(unwrapDataKey(key, of, bytes)).toEqual({ ok: false, reason: 'malformed' });
    }
  });

  it('is not mistaken for a key that another wrapper wrapped', () => {
    for (const other of [
      Buffer.from([1, 2, 2, 0, ...randomBytes(180)]),
      Buffer.from([1, ...randomBytes(60)]),
      Buffer.alloc(92),
    ])
      expect(branchOf(other)).toBeNull();
  });

  it.each([
    ['a data key', () => wrapDataKey(key, of, randomBytes(31))],
    ['a key id', () => wrapDataKey(key, context({ kid: randomBytes(15) }), plaintext)],
  ])('throws a RangeError for %s of another length', (_, wrap) => {
    expect(wrap).toThrow(RangeError);
  });
});
