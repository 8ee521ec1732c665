import { applyTopics, connectBus } from '@vault-engine/bus';
import { topicSpecs } from '@vault-engine/contracts';
import { createHealth, type ServiceContext, silentLog } from '@vault-engine/runtime';
import { openWorld, type World } from '@vault-engine/world';
import { afterAll, beforeAll, expect, test, vi } from 'vitest';
import { watchTopics } from './watch-topics.ts';

let world: World;
const opened: (() => Promise<void> | void)[] = [];
beforeAll(async () => {
  world = await openWorld();
});
afterAll(async () => {
  await Promise.all(opened.map((close) => close()));
  await world.close();
});

test("a topic whose time is the sender's makes the service unready, from the start and until the setting is repaired", async () => {
  const bus = connectBus({ brokers: world.brokers, clientId: 'test' });
  const { topicPrefix: prefix } = world;
  const declared = topicSpecs({ prefix, engines: [], environment: 'development' }).filter(({ name }) =>
    name.endsWith('vault.commands'),
  );
  const changed = declared.map((spec) => ({
    ...spec,
    config: { ...spec.config, 'message.timestamp.type': 'CreateTime' },
  }));
  await applyTopics(bus, changed, { replicationFactor: 1 });

  const health = createHealth();
  health.started();
  const part = async <Value>(
    name: string,
    open: () => Promise<Value> | Value,
    close: (value: Value) => Promise<void> | void = () => undefined,
  ): Promise<Value> => {
    const value = await open();
    health.set(name, { state: 'ready' });
    opened.push(() => close(value));
    return value;
  };
  const config = { environment: 'development', kafka: { topicPrefix: prefix } };
  const context = { config, health, log: silentLog, part } as unknown as Parameters<typeof watchTopics>[0] &
    ServiceContext<unknown>; // the rest is for other parts
  await watchTopics(context, bus, ['commands'], 200);
  expect(health.report()).toMatchObject({
    ready: false,
    parts: {
      'topic-settings': {
        reason: `${prefix}vault.commands has message.timestamp.type=CreateTime instead of LogAppendTime; run npm run vault -- topics apply`,
      },
    },
  });

  await applyTopics(bus, declared, { replicationFactor: 1 });
  await vi.waitFor(() => expect(health.report().ready).toBe(true), { timeout: 20_000, interval: 200 });
});
