import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { openVault, type TestVault } from './open-vault.ts';

describe('the source document’s requests over Kafka', () => {
  let vault: TestVault;
  beforeAll(async () => {
    vault = await openVault({ services: ['command-worker'] });
  });
  afterAll(() => vault.close());

  it('stores with one engine, hands the token to another, and shows the state to a third', async () => {
    const [action, sync, local] = await Promise.all(['action', 'sync', 'local'].map((engine) => vault.client(engine)));
    const expiresAt = new Date(Math.floor(Date.now() / 1_000) * 1_000 + 3_600_000);
    const stored = await action?.storeToken({
      userId: 'u1',
      platform: 'gmail',
      accessToken: 'abcd',
      refreshToken: 'r1',
      expiresAt,
      scopes: ['email'],
    });
    expect(stored).toMatchObject({ userId: 'u1', platform: 'gmail' });

    const issued = await sync?.getToken({ userId: 'u1', platform: 'gmail' });
    expect(issued?.accessToken).toBe('abcd');
    expect(issued).toMatchObject({
      tokenType: 'Bearer',
      expiresAt,
      scopes: ['email'],
      tokenVersion: stored?.tokenVersion,
    });
    expect(Object.keys(issued ?? {}).join()).not.toMatch(/refresh/i);

    const status = await local?.getStatus({ userId: 'u1' });
    const byPlatform = Object.fromEntries(
      status?.platforms.map(({ platform, status: state }) => [platform, state]) ?? [],
    );
    expect(byPlatform['gmail']).toBe('CONNECTED');
    expect(
      new Set(Object.entries(byPlatform).flatMap(([platform, state]) => (platform === 'gmail' ? [] : [state]))),
    ).toEqual(new Set(['MISSING']));
    expect(Object.keys(byPlatform)).toHaveLength(16);
  });
});
