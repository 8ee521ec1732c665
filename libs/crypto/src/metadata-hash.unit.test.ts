import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { type ClearMetadata, metadataHash } from './metadata-hash.ts';

const metadata: ClearMetadata = {
  tokenType: 'Bearer',
  scopes: ['a', 'b'],
  expiresAt: 1,
  refreshExpiresAt: 2,
  params: { instance: 'x', region: 'y' },
};

describe('metadataHash', () => {
  it('does not depend on the order of parameters', () => {
    fc.assert(
      fc.property(fc.dictionary(fc.string(), fc.string()), (params) => {
        const reversed = Object.fromEntries(Object.entries(params).reverse());
        expect(metadataHash({ ...metadata, params: reversed })).toEqual(metadataHash({ ...metadata, params }));
      }),
    );
  });

  it.each<[string, Partial<ClearMetadata>]>([
    ['token type', { tokenType: 'bearer' }],
    ['scopes', { scopes: ['a'] }],
    ['the boundary between scopes', { scopes: ['ab', ''] }],
    ['expiry', { expiresAt: 2 }],
    ['no expiry', { expiresAt: null }],
    ['expiry of the refresh token', { refreshExpiresAt: null }],
    ['which of the times is missing', { expiresAt: 2, refreshExpiresAt: 1 }],
    ['a parameter', { params: { instance: 'z', region: 'y' } }],
    ['a missing parameter', { params: { instance: 'x' } }],
    ['a scope that became a parameter', { scopes: ['a'], params: { ...metadata.params, b: '' } }],
  ])('depends on %s', (_what, other) => {
    expect(metadataHash({ ...metadata, ...other })).not.toEqual(metadataHash(metadata));
  });
});
