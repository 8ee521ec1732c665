import { applyTopics, connectBus } from '@vault-engine/bus';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { type CliWorld, openCliWorld } from './testing/cli-world.ts';

let here: CliWorld;

beforeAll(async () => {
  here = await openCliWorld();
});

afterAll(async () => {
  await here.close();
});

test('apply creates the topics, and check then finds no difference', async () => {
  const prefix = here.world.topicPrefix;
  const before = await here.vault(['topics', 'check']);
  expect(before.code).toBe(1);
  expect(before.out).toContain(`${prefix}vault.commands: missing`);
  expect(before.out).toContain(`${prefix}vault.replies.sync: missing`);
  expect(before.err).toEqual(['the topics differ; npm run vault -- topics apply creates and changes them']);

  const applied = await here.vault(['topics', 'apply']);
  expect(applied.code).toBe(0);
  expect(applied.err.slice(0, before.out.length + 1)).toEqual(['changes:', ...before.out.map((line) => `  ${line}`)]);
  expect(applied.out).toContain(`${prefix}vault.engines: created`);
  expect(applied.out).toHaveLength(before.out.length);

  const after = { code: 0, out: ['all topics match the declaration'], err: [] };
  expect(await here.vault(['topics', 'apply'])).toEqual(after);
  expect(await here.vault(['topics', 'check'])).toEqual(after);
});

test('a differing setting is printed with both values, and changed', async () => {
  const name = `${here.world.topicPrefix}vault.commands`;
  const bus = connectBus({ brokers: here.world.brokers, clientId: 'test' });
  await applyTopics(bus, [{ name, partitions: 1, config: { 'retention.ms': '1234567' } }], { replicationFactor: 1 });

  const line = `${name}: retention.ms 1234567 → 3600000`;
  expect(await here.vault(['topics', 'check'])).toMatchObject({ code: 1, out: [line] });
  expect(await here.vault(['topics', 'apply', '--dry-run'])).toEqual({ code: 0, out: [line], err: [] });
  expect(await here.vault(['topics', 'check'])).toMatchObject({ code: 1 });
  expect(await here.vault(['topics', 'apply'])).toMatchObject({ code: 0, out: [line] });
  expect(await here.vault(['topics', 'check'])).toMatchObject({ code: 0 });
});

test('differences are printed as JSON', async () => {
  const grants = await here.file('more.yaml', 'engines: { more: { rate: { per_second: 1, burst: 1 }, grants: [] } }');
  const { code, out } = await here.vault(['topics', 'check', '--grants', grants, '--json']);
  expect(code).toBe(1);
  expect(JSON.parse(out.join(''))).toEqual([{ topic: `${here.world.topicPrefix}vault.replies.more`, kind: 'create' }]);
});
