import { expect, it } from 'vitest';
import { readServerConfig } from './config.ts';

const complete = {
  VAULT_ENV: 'development',
  VAULT_REDIS_URL: 'redis://127.0.0.1:6379',
  VAULT_AUTHORIZATION_SERVER_PORT: '8704',
  VAULT_AUTHORIZATION_SERVER_CLIENT_ID: 'vault',
  VAULT_AUTHORIZATION_SERVER_CLIENT_SECRET: 'secret of the client',
};

it('reads its variables; the default lifetime of access tokens is two minutes', () => {
  expect(readServerConfig(complete).server).toEqual({
    port: 8704,
    client: { id: 'vault', secret: 'secret of the client' },
    accessLifetimeS: 120,
  });
});

it.each([undefined, 'production'])(
  'does not start with VAULT_ENV %s, because it gives tokens to any caller',
  (value) => {
    expect(() => readServerConfig({ ...complete, VAULT_ENV: value })).toThrow(/VAULT_ENV: .*development only/);
  },
);
