import { expect, test } from 'vitest';
import { readPartAddresses } from './part-addresses.ts';

test('several brokers are given with commas between them', () => {
  const addresses = readPartAddresses({
    VAULT_KAFKA_BROKERS: '127.0.0.1:1,127.0.0.1:2',
    VAULT_REGISTRY_URL: 'http://127.0.0.1:3',
    VAULT_REDIS_URL: 'redis://127.0.0.1:4',
    AWS_ENDPOINT_URL_KMS: 'http://127.0.0.1:5',
  });
  expect(addresses.brokers).toEqual(['127.0.0.1:1', '127.0.0.1:2']);
});

test('every missing address is named at once', () => {
  expect(() => readPartAddresses({ VAULT_REDIS_URL: 'redis://127.0.0.1:4' })).toThrow(
    'VAULT_KAFKA_BROKERS, VAULT_REGISTRY_URL, AWS_ENDPOINT_URL_KMS not set',
  );
});
