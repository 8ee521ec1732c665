import { describe, expect, it } from 'vitest';
import { allowed, type Grant } from './grants.ts';

const grants: readonly Grant[] = [
  { operations: ['GetToken', 'StoreToken'], platforms: ['gmail', 'slack'] },
  { operations: ['GetStatus'], platforms: ['*'] },
];

describe('allowed', () => {
  it('covers each operation of a grant on each of its platforms', () => {
    expect(allowed(grants, 'GetToken', 'gmail')).toBe(true);
    expect(allowed(grants, 'StoreToken', 'slack')).toBe(true);
  });

  it('does not mix the operations of one grant with the platforms of another', () => {
    expect(allowed(grants, 'GetToken', 'notion')).toBe(false);
    expect(allowed(grants, 'RevokeToken', 'gmail')).toBe(false);
  });

  it('reads * as every platform, or every operation', () => {
    expect(allowed(grants, 'GetStatus', 'notion')).toBe(true);
    expect(allowed([{ operations: ['*'], platforms: ['gmail'] }], 'RevokeToken', 'gmail')).toBe(true);
    expect(allowed([{ operations: ['*'], platforms: ['gmail'] }], 'RevokeToken', 'slack')).toBe(false);
  });

  it('covers an operation on the whole user only with all platforms', () => {
    expect(allowed(grants, 'GetStatus', null)).toBe(true);
    expect(allowed(grants, 'GetToken', null)).toBe(false);
  });

  it('grants nothing without a grant, and nothing to a platform named *', () => {
    expect(allowed([], 'GetToken', 'gmail')).toBe(false);
    expect(allowed(grants, 'GetToken', '*')).toBe(false);
  });
});
