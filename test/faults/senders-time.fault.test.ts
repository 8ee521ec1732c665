import { applyTopics } from '@vault-engine/bus';
import { topicSpecs } from '@vault-engine/contracts';
import { afterAll, beforeAll, expect, it, vi } from 'vitest';
import { type FaultVault, openFaultVault } from './open-fault-vault.ts';
import { readEvidence } from './read-evidence.ts';

let at: FaultVault;
beforeAll(async () => {
  at = await openFaultVault({ timeoutMs: 20_000 });
});
afterAll(() => at.close());

const declareTime = async (type: 'CreateTime' | 'LogAppendTime'): Promise<void> => {
  const { place, bus, topics } = at.vault;
  const specs = topicSpecs({ prefix: place.topicPrefix, engines: [], environment: 'development' });
  const commands = specs.filter(({ name }) => name === topics.commands);
  const changed = commands.map((spec) => ({ ...spec, config: { ...spec.config, 'message.timestamp.type': type } }));
  await applyTopics(bus, changed, { replicationFactor: 1 });
};

it('executes no command whose time its sender has set, says so, and goes on when the topic is repaired', async () => {
  const user = { userId: 'senders-time', platform: 'gmail' };
  const { writer, reader } = at.callers;
  await writer.storeToken({ ...user, accessToken: 'before', scopes: [] });
  await declareTime('CreateTime');
  const refused = await vi.waitFor(
    () =>
      writer.storeToken({ ...user, accessToken: 'meanwhile', scopes: [] }).then(
        () => expect.fail('the command was executed'),
        (error: unknown) => error,
      ),
    { timeout: 20_000, interval: 200 },
  );
  expect(refused).toMatchObject({ code: 'internal', message: expect.stringContaining('CreateTime') });
  await declareTime('LogAppendTime');
  const { accessToken } = await vi.waitFor(() => reader.getToken(user), { timeout: 20_000, interval: 200 });
  expect(['before', 'meanwhile']).toContain(accessToken);
  const { audits } = await readEvidence(at.vault);
  expect(audits.filter(({ reason }) => reason === 'create_time').length).toBeGreaterThan(0);
});
