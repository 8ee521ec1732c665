import type { TestVault } from '../flow/open-vault.ts';
import { ENGINE } from './entrants.ts';
import { openBenchVault } from './open-bench-vault.ts';
import { openProvider } from './open-provider.ts';
import { type StormPlace, stormPlatform } from './refresh-storm.ts';

/** A vault, a client and a provider for storms, and as yet no scheduler. */
export interface OpenStormPlace {
  readonly open: Pick<StormPlace, 'vault' | 'client' | 'provider'>;
  /** Starts one more, and answers its process id. */
  readonly startScheduler: (env: Readonly<Record<string, string>>) => Promise<number>;
  readonly close: () => Promise<void>;
}

const TIMEOUT_MS = 30_000;

/** Opens one. */
export const openStormPlace = async (): Promise<OpenStormPlace> => {
  const provider = await openProvider();
  const vault = await openBenchVault(['command-worker'], {}, [stormPlatform(provider)]);
  let schedulers = 0;
  return {
    open: { vault, provider, client: await vault.client(ENGINE, TIMEOUT_MS) },
    startScheduler: async (env) => {
      schedulers += 1;
      return startScheduler(vault, `refresh-scheduler-${schedulers}`, env);
    },
    close: async () => {
      await vault.close();
      await provider.stop();
    },
  };
};

const startScheduler = async (vault: TestVault, name: string, env: Readonly<Record<string, string>>) => {
  const { services } = await vault.start(name, 'refresh-scheduler', env);
  return services.get(name)?.pid ?? 0;
};
