import { expect, test } from 'vitest';
import { readGatewayConfig } from './config.ts';

const env = {
  VAULT_ENV: 'development',
  VAULT_KAFKA_BROKERS: '127.0.0.1:9092',
  VAULT_REGISTRY_URL: 'http://127.0.0.1:8081',
  VAULT_KEY_WRAPPER: 'local',
  VAULT_LOCAL_KEY_FILE: '/keys/local.key',
};
const http = (more: Record<string, string>) => readGatewayConfig({ ...env, ...more }).http;

test('listens on loopback by default', () => {
  expect(http({})).toEqual({ host: '127.0.0.1', port: 8080, tls: null, timeoutMs: 5_000 });
});

test.each(['127.0.0.1', '127.8.0.1', '::1', 'localhost'])('serves plain HTTP on loopback: %s', (host) => {
  expect(http({ VAULT_GATEWAY_HOST: host })).toMatchObject({ host, tls: null });
});

test.each(['0.0.0.0', '::', '10.0.0.1', '127.0.0.1.example.com', 'gateway'])(
  'refuses to accept credentials without TLS on %s, also in development',
  (host) => {
    expect(() => http({ VAULT_GATEWAY_HOST: host })).toThrow('VAULT_GATEWAY_TLS_CERT');
  },
);

test('listens on other addresses with a certificate, or behind a proxy that is declared as trusted', () => {
  const tls = { VAULT_GATEWAY_TLS_CERT: 'a certificate', VAULT_GATEWAY_TLS_KEY: 'a key' };
  expect(http({ VAULT_GATEWAY_HOST: '0.0.0.0', ...tls }).tls).toEqual({ cert: 'a certificate', key: 'a key' });
  expect(http({ VAULT_GATEWAY_HOST: '0.0.0.0', VAULT_GATEWAY_TLS_AT_PROXY: 'true' }).tls).toBeNull();
});

test.each(['VAULT_GATEWAY_TLS_CERT', 'VAULT_GATEWAY_TLS_KEY'])('refuses %s alone', (variable) => {
  expect(() => http({ [variable]: 'half' })).toThrow('certificate and key go together');
});
