import { createSecretKey } from 'node:crypto';
import type { EngineId } from '@vault-engine/model';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { commandDigest, dedupeId, matchDedupeRecord } from './dedupe.ts';

const engine = (id: string) => id as EngineId; // tests name engines freely
const key = (byte: number) => createSecretKey(Buffer.alloc(32, byte));

describe('dedupeId', () => {
  it('differs where engine, user or idempotency key differ, wherever the boundary between them lies', () => {
    fc.assert(
      fc.property(
        fc.tuple(fc.string(), fc.string(), fc.string()),
        fc.tuple(fc.string(), fc.string(), fc.string()),
        (a, b) => {
          const id = ([name, user, idempotencyKey]: [string, string, string]) =>
            dedupeId({ engine: engine(name), idempotencyKey }, user);
          expect(id(a) === id(b)).toBe(JSON.stringify(a) === JSON.stringify(b));
        },
      ),
    );
  });

  it('does not show the user', () => {
    expect(dedupeId({ engine: engine('sync'), idempotencyKey: 'k' }, 'alice')).toMatch(/^[0-9a-f]{32}$/);
  });
});

describe('recall', () => {
  const call = { action: 'StoreToken', dedupeKey: key(1) };

  it('distinguishes a repetition from another command under the same key', () => {
    const dedupeRecord = { mac: commandDigest(call, 'u1', 'gmail', 'abcd'), outcome: '{}' };
    expect(matchDedupeRecord({ dedupeRecord: null }, dedupeRecord.mac)).toBe('new');
    expect(matchDedupeRecord({ dedupeRecord }, commandDigest(call, 'u1', 'gmail', 'abcd'))).toBe(dedupeRecord);
    expect(matchDedupeRecord({ dedupeRecord }, commandDigest(call, 'u1', 'gmail', 'abce'))).toBe('different');
  });

  it('distinguishes commands of another type, and digests under another key', () => {
    const dedupeRecord = { mac: commandDigest(call, 'u1'), outcome: '{}' };
    expect(matchDedupeRecord({ dedupeRecord }, commandDigest({ ...call, action: 'ForgetUser' }, 'u1'))).toBe(
      'different',
    );
    expect(matchDedupeRecord({ dedupeRecord }, commandDigest({ ...call, dedupeKey: key(2) }, 'u1'))).toBe('different');
  });
});
