import { createPublisher } from '@vault-engine/bus';
import type { FurtherPlatform } from '@vault-engine/development';
import { administerEngines } from '@vault-engine/engines';
import { openLocalWrapper } from '@vault-engine/kms';
import { openVault, type TestVault } from '../flow/open-vault.ts';
import { ENGINE } from './entrants.ts';

/** More than any machine does: the bench measures the vault, not its limits. */
const RATE = { perSecond: 1_000_000, burst: 1_000_000 };

/** A whole vault in a fresh world, whose engines may ask as fast as they can. */
export const openBenchVault = async (
  services: readonly string[],
  env: Readonly<Record<string, string>> = {},
  platforms: readonly FurtherPlatform[] = [],
): Promise<TestVault> => {
  const vault = await openVault({ services, env, platforms });
  try {
    await liftRate(vault);
    return vault;
  } catch (error) {
    await vault.close();
    throw error;
  }
};

const liftRate = async ({ bus, codec, topics, place }: TestVault): Promise<void> => {
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
  try {
    const grants = administration.table.get(ENGINE)?.open.grants ?? [];
    const changed = await administration.setPolicy(ENGINE, { grants, rate: RATE });
    if (!changed.ok) throw new Error(`the rate of ${ENGINE} could not be lifted: ${changed.reason}`);
  } finally {
    await administration.close();
    await publisher.close();
  }
};
