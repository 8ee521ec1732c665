import { applyTopics, watermarks } from '@vault-engine/bus';
import { topicSpecs } from '@vault-engine/contracts';
import { type RunningPart, startPart } from '@vault-engine/local';
import { afterAll, beforeAll, expect, it, vi } from 'vitest';
import { openVault, type TestVault } from '../flow/open-vault.ts';
import { seededRandom } from './seeded-random.ts';
import { startTraffic } from './traffic.ts';

let kafka: RunningPart;
let vault: TestVault;

beforeAll(async () => {
  // As often as the short settings below ask for; a broker looks every five minutes where nothing is said.
  const settings = {
    'log.retention.check.interval.ms': '300',
    'log.initial.task.delay.ms': '300',
    'log.segment.delete.delay.ms': '100',
  };
  kafka = await startPart('kafka', { settings });
  vault = await openVault({ parts: { brokers: [kafka.address] }, services: ['command-worker'] });
});
afterAll(async () => {
  await vault.close();
  await kafka.stop();
});

/** The declared settings in seconds instead of hours, in their own proportions: a short retention with short segments. */
const short = { config: { 'retention.ms': '2000', 'segment.ms': '500' } };

it('really deletes commands and replies when their retention is over, and goes on serving', async () => {
  const { topics, place } = vault;
  const engines = Object.keys(vault.engines);
  const overrides = { commands: short, replies: short };
  const specs = topicSpecs({ prefix: place.topicPrefix, engines, environment: 'development', overrides });
  await applyTopics(vault.bus, specs, { replicationFactor: 1 });

  const callers = { writer: await vault.client('action'), reader: await vault.client('sync') };
  const plan = { name: 'kept', users: 20, stepsPerUser: Number.POSITIVE_INFINITY, paceMs: 50 };
  const traffic = startTraffic(callers, { ...plan, random: seededRandom('segments deleted') });
  for (const topic of [topics.commands, topics.replies('action'), topics.replies('sync')]) {
    await vi.waitFor(
      async () => {
        const deleted = (await watermarks(vault.bus, topic)).filter(({ low }) => low > 0n);
        expect(deleted.length, `${topic}: partitions whose beginning is deleted`).toBeGreaterThan(0);
      },
      { timeout: 20_000, interval: 300 },
    );
  }
  const { seen } = await traffic.stop();
  expect(seen.filter(({ answer, expected }) => answer !== expected)).toEqual([]);
});
