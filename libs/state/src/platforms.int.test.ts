import { applyTopics, connectBus, createPublisher, type Publisher } from '@vault-engine/bus';
import { type Codec, openCodec } from '@vault-engine/contracts';
import { applySchemas } from '@vault-engine/contracts/apply-schemas';
import { openWorld, type World } from '@vault-engine/world';
import { afterAll, beforeAll, expect, test, vi } from 'vitest';
import { followDecoded } from './follow-states.ts';
import { applyPlatforms, type PlatformName } from './platforms.ts';
import { readPlatform } from './read-state.ts';

let world: World;
let codec: Codec;
let publisher: Publisher;
let topic: string;
const busOf = () => connectBus({ brokers: world.brokers, clientId: `${world.topicPrefix}platforms` });

beforeAll(async () => {
  world = await openWorld();
  await applySchemas(world.registryUrl);
  codec = await openCodec({ registryUrl: world.registryUrl });
  topic = `${world.topicPrefix}vault.platforms`;
  const config = { 'cleanup.policy': 'compact' };
  await applyTopics(busOf(), [{ name: topic, partitions: 1, config }], { replicationFactor: 1 });
  publisher = createPublisher(busOf());
});
afterAll(async () => {
  await publisher?.close();
  await world?.close();
});

const apply = (...platforms: readonly PlatformName[]) =>
  applyPlatforms({ bus: busOf(), codec, publisher, topic }, platforms);
const [gmail, slack] = [
  { id: 'gmail', displayName: 'Gmail' },
  { id: 'slack', displayName: 'Slack' },
];

test('platforms are added, renamed and removed once each, and followers see their names', async () => {
  const names = new Map<string, string | null>();
  const following = await followDecoded({
    bus: busOf(),
    topic,
    read: (record) => readPlatform(codec, record),
    onRead: (platform) => platform !== null && names.set(platform.id, platform.displayName),
    onFatal: (error) => expect.fail(String(error)),
  });
  try {
    expect(await apply(slack, gmail)).toEqual([
      { id: 'gmail', change: 'added' },
      { id: 'slack', change: 'added' },
    ]);
    expect(await apply(gmail, slack)).toEqual([]);
    await publisher.send({ topic, key: Buffer.from('slack'), value: Buffer.from('garbage') });
    expect(await apply({ ...gmail, displayName: 'Google Mail' }, slack)).toEqual([
      { id: 'gmail', change: 'renamed' },
      { id: 'slack', change: 'renamed' },
    ]);
    expect(await apply(slack)).toEqual([{ id: 'gmail', change: 'removed' }]);
    expect(await apply(gmail, slack)).toEqual([{ id: 'gmail', change: 'added' }]);
    await apply(slack);
    await vi.waitFor(() =>
      expect(names).toEqual(
        new Map([
          ['gmail', null],
          ['slack', 'Slack'],
        ]),
      ),
    );
  } finally {
    await following.close();
  }
});
