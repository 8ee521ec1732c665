import fc from 'fast-check';
import { expect, test } from 'vitest';
import { asPlatform, asUser } from '../contract/samples.ts';
import { keysUnder, SHARDS, shardOf } from './keys.ts';

const user = fc.stringMatching(/^[A-Za-z0-9._@|+-]{1,128}$/).map(asUser);

test('all keys of one user have the same hash tag', () => {
  const keys = keysUnder('vault');
  fc.assert(
    fc.property(user, (id) => {
      const shard = shardOf(id);
      const gmail = asPlatform('gmail');
      const names = [keys.record(id, gmail), keys.user(id), keys.dedupe(id, 'x'), keys.due(shard), keys.pending(shard)];
      for (const name of names) expect(/\{(.*?)\}/.exec(name)?.[1]).toBe(shard);
      expect(keys.record(id, gmail)).toBe(`${keys.records(id)}gmail`);
    }),
  );
});

test('the shard is the first byte of the SHA-256 of the user id', () => {
  // SHA-256("abc") = ba7816bf…, FIPS 180-4.
  expect(shardOf(asUser('abc'))).toBe('ba');
  expect(SHARDS).toHaveLength(256);
  expect([SHARDS[0], SHARDS[255]]).toEqual(['00', 'ff']);
});

test('the key names are those in the README', () => {
  const keys = keysUnder('vault');
  const [u1, gmail] = [asUser('u1'), asPlatform('gmail')];
  expect([keys.record(u1, gmail), keys.user(u1), keys.dedupe(u1, 'id'), keys.due('bb'), keys.pending('bb')]).toEqual([
    'vault:{bb}:t:u1:gmail',
    'vault:{bb}:u:u1',
    'vault:{bb}:d:id',
    'vault:{bb}:due',
    'vault:{bb}:pending',
  ]);
});

test.each(['', 'a{b', 'a}b', 'a b', 'x'.repeat(65)])('the prefix %j is rejected', (prefix) => {
  expect(() => keysUnder(prefix)).toThrow(RangeError);
});
