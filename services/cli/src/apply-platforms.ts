import { createPublisher } from '@vault-engine/bus';
import { openCodec, topicNames } from '@vault-engine/contracts';
import { openCatalog } from '@vault-engine/platforms';
import { applyPlatforms, type PlatformChange, type PlatformName } from '@vault-engine/state';
import type { Command } from 'commander';
import type { CommandContext } from './command-context.ts';
import type { PlatformNamesConfig } from './config.ts';
import { openBus } from './open-bus.ts';
import { json } from './terminal.ts';

/** `platforms apply`: what the platforms are called, for whoever reads the connection states. */
export const addApply = (platforms: Command, { terminal, config, profilesFolder }: CommandContext): void => {
  platforms
    .command('apply')
    .description('name the platforms of the profiles on their topic, and remove those without a profile from it')
    .option('--json', 'as JSON')
    .action(async (options: { readonly json?: boolean }) => {
      const settings = config.platformNames();
      const catalog = await openCatalog([profilesFolder, ...settings.profiles.folders], settings.profiles);
      const changes = await apply(settings, catalog.all());
      if (options.json) terminal.out(json(changes));
      else if (changes.length === 0) terminal.out('all platforms are named as their profiles say');
      else for (const { id, change } of changes) terminal.out(`${id}: ${change}`);
    });
};

const apply = async (
  { kafka, registry }: PlatformNamesConfig,
  platforms: readonly PlatformName[],
): Promise<readonly PlatformChange[]> => {
  const codec = await openCodec({ registryUrl: registry.url, types: ['PlatformEntry'] });
  const bus = openBus(kafka);
  const publisher = createPublisher(bus);
  try {
    return await applyPlatforms({ bus, codec, publisher, topic: topicNames(kafka.topicPrefix).platforms }, platforms);
  } finally {
    await publisher.close();
  }
};
