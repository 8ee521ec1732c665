import { openWorld } from '@vault-engine/world';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { openTestBus, type TestBus } from './open-test-bus.ts';
import { applyTopics, checkTopics, deleteTopics, type TopicDeclaration } from './topics.ts';

let test: TestBus;
beforeAll(async () => {
  test = openTestBus(await openWorld());
});
afterAll(() => test.close());

const apply = (specs: readonly TopicDeclaration[]) => applyTopics(test.bus, specs, { replicationFactor: 1 });

describe('topics', () => {
  it('are created, and changed only where they differ', async () => {
    const name = `${test.topicPrefix}declared`;
    const spec: TopicDeclaration = {
      name,
      partitions: 2,
      config: { 'retention.ms': '3600000', 'segment.ms': '300000', 'compression.type': 'gzip' },
    };
    expect(await checkTopics(test.bus, [spec])).toEqual([{ topic: name, kind: 'create' }]);
    expect(await apply([spec])).toEqual([{ topic: name, kind: 'create' }]);
    expect(await apply([spec])).toEqual([]);
    const grown: TopicDeclaration = {
      name,
      partitions: 4,
      config: { 'retention.ms': '600000', 'message.timestamp.type': 'LogAppendTime' },
    };
    expect(await apply([grown])).toEqual([
      { topic: name, kind: 'partitions', from: 2, to: 4 },
      { topic: name, kind: 'config', name: 'retention.ms', from: '3600000', to: '600000' },
      { topic: name, kind: 'config', name: 'message.timestamp.type', from: 'CreateTime', to: 'LogAppendTime' },
    ]);
    await expect.poll(() => checkTopics(test.bus, [grown])).toEqual([]);
  });

  it('keep settings that no declaration names', async () => {
    const name = `${test.topicPrefix}kept`;
    await apply([{ name, partitions: 1, config: { 'segment.ms': '60000', 'retention.ms': '1000000' } }]);
    await apply([{ name, partitions: 1, config: { 'retention.ms': '2000000' } }]);
    await expect
      .poll(() => checkTopics(test.bus, [{ name, partitions: 1, config: { 'segment.ms': '60000' } }]))
      .toEqual([]);
  });

  it('differ where a setting only equals the broker’s default', async () => {
    const name = `${test.topicPrefix}default`;
    await apply([{ name, partitions: 1, config: {} }]);
    const spec = { name, partitions: 1, config: { 'cleanup.policy': 'delete' } };
    expect(await checkTopics(test.bus, [spec])).toMatchObject([{ kind: 'config', name: 'cleanup.policy' }]);
  });

  it('never lose partitions', async () => {
    const name = `${test.topicPrefix}wide`;
    await apply([{ name, partitions: 3, config: {} }]);
    expect(await apply([{ name, partitions: 1, config: {} }])).toEqual([]);
  });

  it('can be deleted, also where they do not exist', async () => {
    const name = `${test.topicPrefix}gone`;
    await apply([{ name, partitions: 1, config: {} }]);
    await deleteTopics(test.bus, [name, `${name}.never`]);
    await expect
      .poll(() => checkTopics(test.bus, [{ name, partitions: 1, config: {} }]))
      .toEqual([{ topic: name, kind: 'create' }]);
  });
});
