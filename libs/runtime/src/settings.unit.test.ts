import { describe, expect, it } from 'vitest';
import { ConfigRefused, type Environment, readConfig } from './read-config.ts';
import {
  kafkaSettings,
  keySettings,
  profileSettings,
  redisSettings,
  registrySettings,
  serviceSettings,
} from './settings.ts';

const faulty = (read: () => unknown): readonly string[] => {
  try {
    read();
    return [];
  } catch (error) {
    if (error instanceof ConfigRefused) return error.faults.map(({ variable }) => variable);
    throw error;
  }
};

describe('what every service has', () => {
  it('is production, on loopback, at level info by default', () => {
    expect(readConfig(serviceSettings, {})).toEqual({
      environment: 'production',
      log: { level: 'info' },
      node: { options: '' },
      operations: { host: '127.0.0.1', port: 9464 },
    });
  });

  it('accepts two environments', () => {
    expect(readConfig(serviceSettings, { VAULT_ENV: 'development' }).environment).toBe('development');
    expect(faulty(() => readConfig(serviceSettings, { VAULT_ENV: 'dev' }))).toEqual(['VAULT_ENV']);
  });
});

describe('Kafka', () => {
  const kafka = (env: Environment) =>
    readConfig({ kafka: kafkaSettings }, { VAULT_KAFKA_BROKERS: 'a:1,b:2', ...env }).kafka;

  it('uses TLS in production and plain TCP in development by default', () => {
    expect(kafka({})).toEqual({ brokers: ['a:1', 'b:2'], ssl: true, sasl: undefined, topicPrefix: '' });
    expect(kafka({ VAULT_ENV: 'development' }).ssl).toBe(false);
    expect(kafka({ VAULT_KAFKA_SSL: 'false' }).ssl).toBe(false);
  });

  it('accepts certificates for both sides', () => {
    const certificates = { VAULT_KAFKA_SSL_CA: 'ca', VAULT_KAFKA_SSL_CERT: 'cert', VAULT_KAFKA_SSL_KEY: 'key' };
    expect(kafka(certificates).ssl).toEqual({ ca: 'ca', cert: 'cert', key: 'key' });
    expect(faulty(() => kafka({ VAULT_KAFKA_SSL_CERT: 'cert' }))).toEqual(['VAULT_KAFKA_SSL_CERT']);
  });

  it('accepts SASL only with name and password', () => {
    const mechanism = { VAULT_KAFKA_SASL_MECHANISM: 'scram-sha-512' };
    const login = { VAULT_KAFKA_SASL_USERNAME: 'u', VAULT_KAFKA_SASL_PASSWORD: 'p' };
    expect(kafka({ ...mechanism, ...login }).sasl).toEqual({
      mechanism: 'scram-sha-512',
      username: 'u',
      password: 'p',
    });
    expect(faulty(() => kafka(mechanism))).toEqual(['VAULT_KAFKA_SASL_USERNAME', 'VAULT_KAFKA_SASL_PASSWORD']);
  });

  it('requires host and port of each broker', () => {
    for (const brokers of ['a', 'a:1,', 'http://a:1', 'a:b'])
      expect(faulty(() => kafka({ VAULT_KAFKA_BROKERS: brokers }))).toEqual(['VAULT_KAFKA_BROKERS']);
    expect(kafka({ VAULT_KAFKA_BROKERS: '[::1]:9092' }).brokers).toEqual(['[::1]:9092']);
  });
});

describe('the key wrapper', () => {
  const keys = (env: Environment) => readConfig({ keys: keySettings }, env).keys;

  it('is KMS by default, which requires a key id', () => {
    expect(keys({ VAULT_KMS_KEY_ID: 'alias/vault' })).toEqual({
      wrapper: 'aws-kms',
      keyId: 'alias/vault',
      formerKeyIds: [],
      environment: 'production',
      branches: 64,
      outageMs: 3_600_000,
    });
    expect(faulty(() => keys({}))).toEqual(['VAULT_KMS_KEY_ID']);
  });

  it('may be a local file in development', () => {
    const local = { VAULT_ENV: 'development', VAULT_KEY_WRAPPER: 'local' };
    expect(keys({ ...local, VAULT_LOCAL_KEY_FILE: '/k' })).toEqual({
      wrapper: 'local',
      keyFile: '/k',
      environment: 'development',
      branches: 64,
      outageMs: 3_600_000,
    });
    expect(faulty(() => keys(local))).toEqual(['VAULT_LOCAL_KEY_FILE']);
  });

  it('has former keys, a number of branch keys and a time without the key service', () => {
    const variables = {
      VAULT_KMS_KEY_ID: 'k',
      VAULT_KMS_FORMER_KEY_IDS: 'alias/old,arn:aws:kms:eu-west-1:1:key/k0',
      VAULT_BRANCH_KEYS: '0',
      VAULT_KEY_OUTAGE_S: '60',
    };
    expect(keys(variables)).toMatchObject({
      formerKeyIds: ['alias/old', 'arn:aws:kms:eu-west-1:1:key/k0'],
      branches: 0,
      outageMs: 60_000,
    });
    for (const name of ['VAULT_BRANCH_KEYS', 'VAULT_KEY_OUTAGE_S'])
      expect(faulty(() => keys({ ...variables, [name]: '-1' }))).toEqual([name]);
  });

  it('is never a local file in production, even beside KMS', () => {
    const file = { VAULT_LOCAL_KEY_FILE: '/k' };
    expect(faulty(() => keys({ VAULT_KEY_WRAPPER: 'local', ...file }))).toEqual([
      'VAULT_LOCAL_KEY_FILE',
      'VAULT_KEY_WRAPPER',
    ]);
    expect(faulty(() => keys({ VAULT_KMS_KEY_ID: 'k', ...file }))).toEqual(['VAULT_LOCAL_KEY_FILE']);
  });
});

describe('the schema registry', () => {
  const read = (env: Record<string, string>) =>
    readConfig({ registry: registrySettings }, { VAULT_REGISTRY_URL: 'https://r', ...env }).registry;

  it('is asked with basic or bearer authentication, and with certificates', () => {
    const basic = { VAULT_REGISTRY_USERNAME: 'me', VAULT_REGISTRY_PASSWORD: 'p:w' };
    expect(read(basic).access.auth).toEqual({ kind: 'basic', username: 'me', password: 'p:w' });
    expect(read({ VAULT_REGISTRY_TOKEN: 't' }).access.auth).toEqual({ kind: 'bearer', token: 't' });
    const tls = { VAULT_REGISTRY_SSL_CA: 'ca', VAULT_REGISTRY_SSL_CERT: 'cert', VAULT_REGISTRY_SSL_KEY: 'key' };
    expect(read(tls).access.tls).toEqual({ ca: 'ca', cert: 'cert', key: 'key' });
  });

  it.each<[string, Record<string, string>, string]>([
    ['plain HTTP in production', { VAULT_REGISTRY_URL: 'http://r' }, 'VAULT_REGISTRY_URL'],
    ['credentials in the address', { VAULT_REGISTRY_URL: 'https://me:pw@r' }, 'VAULT_REGISTRY_URL'],
    ['an address that is no URL', { VAULT_REGISTRY_URL: 'nowhere' }, 'VAULT_REGISTRY_URL'],
    ['a user name without a password', { VAULT_REGISTRY_USERNAME: 'me' }, 'VAULT_REGISTRY_USERNAME'],
    [
      'two kinds of authentication',
      { VAULT_REGISTRY_USERNAME: 'me', VAULT_REGISTRY_PASSWORD: 'pw', VAULT_REGISTRY_TOKEN: 't' },
      'VAULT_REGISTRY_TOKEN',
    ],
    ['a certificate without its key', { VAULT_REGISTRY_SSL_CERT: 'cert' }, 'VAULT_REGISTRY_SSL_CERT'],
  ])('is refused with %s', (_what, env, variable) => {
    expect(faulty(() => read(env))).toEqual([variable]);
  });

  it('may be asked by plain HTTP in development', () => {
    expect(read({ VAULT_ENV: 'development', VAULT_REGISTRY_URL: 'http://r' }).url).toBe('http://r');
  });
});

describe('the other parts', () => {
  it('have addresses of their own schemes only', () => {
    const sections = { registry: registrySettings, redis: redisSettings, profiles: profileSettings };
    const env = { VAULT_REGISTRY_URL: 'https://r/apis/', VAULT_REDIS_URL: 'rediss://:pw@h:1', VAULT_PROFILES: '/a:/b' };
    expect(readConfig(sections, env)).toEqual({
      registry: { url: 'https://r/apis', access: { auth: undefined, tls: undefined } },
      redis: { url: 'rediss://:pw@h:1', keyPrefix: 'vault', waitReplicas: null },
      profiles: { folders: ['/a', '/b'], allowInsecureLoopback: false, timeoutMs: 10_000 },
    });
    const development = { VAULT_ENV: 'development', VAULT_ALLOW_INSECURE_LOOPBACK: '1' };
    expect(readConfig({ profiles: profileSettings }, development)).toEqual({
      profiles: { folders: [], allowInsecureLoopback: true, timeoutMs: 10_000 },
    });
    expect(faulty(() => readConfig({ profiles: profileSettings }, { VAULT_ALLOW_INSECURE_LOOPBACK: '1' }))).toEqual([
      'VAULT_ALLOW_INSECURE_LOOPBACK',
    ]);
    const wrong = { VAULT_REGISTRY_URL: 'redis://r', VAULT_REDIS_URL: 'http://h', VAULT_KEY_PREFIX: '{x}' };
    expect(faulty(() => readConfig(sections, wrong))).toEqual([
      'VAULT_REGISTRY_URL',
      'VAULT_REDIS_URL',
      'VAULT_KEY_PREFIX',
    ]);
  });

  it('make changes of the store wait for replicas if configured', () => {
    const read = (env: Record<string, string>) =>
      readConfig({ redis: redisSettings }, { VAULT_REDIS_URL: 'redis://h', ...env }).redis.waitReplicas;
    expect(read({ VAULT_REDIS_WAIT_REPLICAS: '1' })).toEqual({ count: 1, withinMs: 200 });
    const both = { VAULT_REDIS_WAIT_REPLICAS: '2', VAULT_REDIS_WAIT_REPLICAS_MS: '50' };
    expect(read(both)).toEqual({ count: 2, withinMs: 50 });
    expect(faulty(() => read({ VAULT_REDIS_WAIT_REPLICAS_MS: '0' }))).toEqual(['VAULT_REDIS_WAIT_REPLICAS_MS']);
  });
});
