import { appendFileSync, cpSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { connectBus } from '../bus.ts';
import { Encoder, Kafka } from './kafkajs.ts';
import { installedKafkajs, KafkajsDiffers, type LoadModule, openPrivateKafkajs } from './load-kafkajs.ts';
import { patchKafkajs } from './patches.ts';

const PATCHED = [
  'src/broker/index.js',
  'src/cluster/index.js',
  'src/consumer/batch.js',
  'src/consumer/consumerGroup.js',
  'src/consumer/offsetManager/index.js',
  'src/network/requestQueue/index.js',
  'src/protocol/decoder.js',
  'src/protocol/encoder.js',
  'src/protocol/requests/fetch/index.js',
  'src/protocol/requests/produce/index.js',
];

/** The sources of all functions of a module: of its exports, and of its classes' methods. */
const functionsOf = (exported: unknown): readonly string[] => {
  const owners = typeof exported === 'function' ? [exported, exported.prototype] : [exported];
  return owners.flatMap((owner) =>
    Object.entries(Object.getOwnPropertyDescriptors(owner)).map(([name, { value }]) => `${name}: ${String(value)}`),
  );
};

describe('a host application with its own kafkajs', () => {
  it('keeps it unpatched, from the same folder, after the bus was loaded', () => {
    connectBus({ brokers: ['127.0.0.1:9'], clientId: 'c' });
    patchKafkajs();
    const host: LoadModule = (path) => createRequire(import.meta.url)(join(installedKafkajs(), path));
    const pristine = openPrivateKafkajs(installedKafkajs());
    for (const path of PATCHED) expect([path, functionsOf(host(path))]).toEqual([path, functionsOf(pristine(path))]);
    expect(host('src/protocol/encoder.js')).not.toBe(Encoder);
    expect(functionsOf(Encoder)).not.toEqual(functionsOf(host('src/protocol/encoder.js')));
    expect((host('index.js') as { Kafka: unknown }).Kafka).not.toBe(Kafka); // kafkajs's entry
  });
});

describe('the patches', () => {
  it('are applied once', () => {
    patchKafkajs();
    const { ensureAvailable } = Encoder.prototype;
    patchKafkajs();
    expect(Encoder.prototype.ensureAvailable).toBe(ensureAvailable);
  });
});

describe('another kafkajs', () => {
  let folder: string;
  beforeAll(() => {
    folder = mkdtempSync(join(tmpdir(), 'vault-engine-kafkajs-'));
    cpSync(installedKafkajs(), folder, { recursive: true });
  });
  afterAll(() => rmSync(folder, { recursive: true }));
  const reason = (): unknown => {
    try {
      openPrivateKafkajs(folder);
      return 'loaded';
    } catch (error) {
      return error;
    }
  };

  it('is refused, and what differs is named', () => {
    expect(reason()).toBe('loaded');
    appendFileSync(join(folder, 'src/consumer/batch.js'), '// changed\n');
    expect(reason()).toEqual(new KafkajsDiffers(folder, 'has another src/consumer/batch.js than the published one'));
    rmSync(join(folder, 'src/broker/index.js'));
    expect(reason()).toEqual(new KafkajsDiffers(folder, 'has no src/broker/index.js'));
    writeFileSync(join(folder, 'package.json'), JSON.stringify({ name: 'kafkajs', version: '2.3.0-beta.3' }));
    expect(reason()).toEqual(new KafkajsDiffers(folder, 'has version 2.3.0-beta.3'));
  });
});
