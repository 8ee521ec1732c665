import { Redis } from 'ioredis';
import { type Admin, Kafka, logLevel } from 'kafkajs';
import { expect, test, vi } from 'vitest';
import { openWorld, type World } from './open-world.ts';

test('two worlds have different prefixes', async () => {
  const [one, other] = await Promise.all([openWorld(), openWorld()]);
  expect(one.topicPrefix).toMatch(/^w[0-9a-f]{12}\.$/);
  expect(one.topicPrefix).not.toBe(other.topicPrefix);
  expect(one.keyPrefix).not.toBe(other.keyPrefix);
});

test('closing a world removes its topics, its groups and its keys, and nothing of its neighbour', async () => {
  const [mine, neighbour] = await Promise.all([openWorld(), openWorld()]);
  const redis = new Redis(mine.redisUrl);
  const kafka = new Kafka({ clientId: 'world-test', brokers: mine.brokers, logLevel: logLevel.NOTHING });
  const admin = kafka.admin();
  await admin.connect();
  try {
    await Promise.all([mine, neighbour].map((world) => populate(world, admin, redis)));

    await mine.close();

    const ours = (name: string) => name.startsWith(mine.topicPrefix) || name.startsWith(neighbour.topicPrefix);
    await vi.waitFor(async () => {
      expect((await admin.listTopics()).filter(ours)).toEqual([`${neighbour.topicPrefix}topic`]);
    });
    expect((await listGroups(kafka)).filter(ours)).toEqual([`${neighbour.topicPrefix}group`]);
    expect(await redis.exists(`${mine.keyPrefix}{1}:key`, `${neighbour.keyPrefix}{1}:key`)).toBe(1);
  } finally {
    await neighbour.close();
    await admin.disconnect();
    redis.disconnect();
  }
});

async function populate(world: World, admin: Admin, redis: Redis): Promise<void> {
  const topic = `${world.topicPrefix}topic`;
  await admin.createTopics({ topics: [{ topic, numPartitions: 1 }] });
  const partitions = [{ partition: 0, offset: '0' }];
  await admin.setOffsets({ groupId: `${world.topicPrefix}group`, topic, partitions });
  await redis.set(`${world.keyPrefix}{1}:key`, 'value');
}

/** By an admin of its own: kafkajs asks for the metadata of every topic that an admin has touched, deleted ones too. */
async function listGroups(kafka: Kafka): Promise<string[]> {
  const admin = kafka.admin();
  await admin.connect();
  const { groups } = await admin.listGroups();
  await admin.disconnect();
  return groups.map((group) => group.groupId);
}
