import { servicePlans } from '@vault-engine/development';
import { type PartName, partEnvironment, type RunningPart, type RunningService, startPart } from '@vault-engine/local';
import { openVault, type TestVault } from '../flow/open-vault.ts';

/** Parts that a soak may treat as badly as it likes. */
export type SoakPart = Exclude<PartName, 'kms'>;

/** A vault of two workers and a gateway, on parts of its own. */
export interface SoakVault {
  readonly vault: TestVault;
  readonly parts: Readonly<Record<SoakPart, RunningPart>>;
  /** A worker that stands still at times and is never killed. */
  readonly elder: RunningService;
  /** Dies again and again. */
  readonly younger: () => RunningService;
  /** Starts another in its place. */
  readonly replaceYounger: () => Promise<void>;
  /** What lives as long as the soak, so that its memory can be followed, and where it serves its metrics. */
  readonly longLived: readonly { readonly name: string; readonly operations: string }[];
  readonly close: () => Promise<void>;
}

/** Opens one. Rejects, with nothing left running, where something does not start. */
export const openSoakVault = async (): Promise<SoakVault> => {
  const names = ['kafka', 'registry', 'redis', 'kms'] as const;
  const started = await Promise.all(names.map(async (name) => [name, await startPart(name)] as const));
  const parts = Object.fromEntries(started) as Record<PartName, RunningPart>; // each name is there
  const stopParts = async (): Promise<void> => {
    await Promise.all(Object.values(parts).map((part) => part.stop()));
  };
  const addresses = Object.fromEntries(started.map(([name, { address }]) => [name, address]));
  Object.assign(process.env, partEnvironment(addresses));
  try {
    return await openOn(parts, stopParts);
  } catch (error) {
    await stopParts();
    throw error;
  }
};

/** The least that a broker of its own settings lets a session be, so that a killed worker is soon replaced. */
const ENV = {
  VAULT_WORKER_SESSION_MS: '6000',
  VAULT_WORKER_DRAIN_AFTER_MS: '2000',
  NODE_OPTIONS: `--import=${new URL('preload/collect-garbage.ts', import.meta.url).href}`,
};

const openOn = async (parts: Record<PartName, RunningPart>, stopParts: () => Promise<void>): Promise<SoakVault> => {
  const vault = await openVault({ env: ENV });
  const elder = vault.running.services.get('command-worker');
  if (elder === undefined) throw new Error('the worker does not run');
  let count = 1;
  const startWorker = async (): Promise<RunningService> => {
    count += 1;
    const name = `command-worker-${count}`;
    const worker = (await vault.start(name, 'command-worker')).services.get(name);
    if (worker === undefined) throw new Error(`${name} does not run`);
    return worker;
  };
  let younger = await startWorker();
  return {
    vault,
    parts,
    elder,
    younger: () => younger,
    replaceYounger: async () => {
      younger = await startWorker();
    },
    longLived: servicePlans(vault.place).filter(({ name }) => vault.running.services.has(name)),
    close: async () => {
      await vault.close().finally(stopParts);
    },
  };
};
