import { createPublisher } from '@vault-engine/bus';
import { administerEngines, type EngineAdministration } from '@vault-engine/engines';
import { openLocalWrapper } from '@vault-engine/kms';
import type { TestVault } from '../flow/open-vault.ts';

/** Opens the table of engines for changes, as the CLI does. `close` closes the publisher too. */
export const openAdministration = async ({ bus, codec, topics, place }: TestVault): Promise<EngineAdministration> => {
  const publisher = createPublisher(bus);
  const administration = await administerEngines({
    bus,
    publisher,
    codec,
    topic: topics.engines,
    wrapper: await openLocalWrapper({ keyFile: place.keyFile }),
    environment: 'development',
    now: Date.now,
    onRefused: () => undefined,
    onWaiting: () => undefined,
    onFatal: () => undefined,
  });
  const close = async (): Promise<void> => {
    await administration.close();
    await publisher.close();
  };
  return { ...administration, close };
};
