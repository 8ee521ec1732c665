import { Registry } from 'prom-client';
import { expect, it, vi } from 'vitest';
import { type ObservableConsumer, observeConsumer } from './observe-consumer.ts';

const openConsumer = () => {
  const registry = new Registry();
  let partitions: ReturnType<ObservableConsumer['stats']>['partitions'] = [];
  const probe = vi.fn(async () => undefined);
  const watch = vi.fn<(part: string, probe: () => Promise<void>) => void>();
  observeConsumer({ metrics: registry, watch }, 'commands', { stats: () => ({ partitions }), probe });
  const assign = (assigned: typeof partitions): void => {
    partitions = assigned;
  };
  return { registry, assign, watch, probe };
};

it('exports lag and age of each assigned partition, and none of a revoked one', async () => {
  const { registry, assign } = openConsumer();
  assign([
    { topic: 't', partition: 0, lag: 7, oldestUncommittedMs: 1_500 },
    { topic: 't', partition: 1, lag: null, oldestUncommittedMs: null },
  ]);
  const before = await registry.metrics();
  expect(before).toContain('vault_consumer_lag{topic="t",partition="0"} 7');
  expect(before).not.toContain('vault_consumer_lag{topic="t",partition="1"}');
  expect(before).toContain('vault_consumer_oldest_uncommitted_seconds{topic="t",partition="0"} 1.5');
  expect(before).toContain('vault_consumer_oldest_uncommitted_seconds{topic="t",partition="1"} 0');
  assign([{ topic: 't', partition: 1, lag: 0, oldestUncommittedMs: null }]);
  const after = await registry.metrics();
  expect(after).not.toContain('partition="0"');
  expect(after).toContain('vault_consumer_lag{topic="t",partition="1"} 0');
});

it('makes the probe a part of the readiness', async () => {
  const { watch, probe } = openConsumer();
  expect(watch).toHaveBeenCalledExactlyOnceWith('commands', expect.any(Function));
  await watch.mock.lastCall?.[1]();
  expect(probe).toHaveBeenCalledOnce();
});
