import { existsSync } from 'node:fs';
import { expect, onTestFinished, test } from 'vitest';
import { startKafkaCluster } from './kafka-cluster.ts';

test('a killed broker leaves the cluster, and rejoins when it is started again', async () => {
  const cluster = await startKafkaCluster();
  onTestFinished(() => cluster.stop());
  await cluster.broker(2).kill();
  await cluster.settled([1, 3]);
  await cluster.broker(2).start();
  await cluster.settled([1, 2, 3]);
});

test('a single controller survives the loss of both other brokers, and a stopped cluster leaves nothing behind', async () => {
  const cluster = await startKafkaCluster({ controllers: 1 });
  cluster.broker(2).pause();
  await cluster.broker(3).kill();
  await cluster.settled([1]);
  await cluster.stop();
  expect([1, 2, 3].map((nodeId) => cluster.broker(nodeId).pid())).toEqual([undefined, undefined, undefined]);
  expect([1, 2, 3].some((nodeId) => existsSync(cluster.broker(nodeId).dataDir))).toBe(false);
});
