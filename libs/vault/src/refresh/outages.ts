import type { Vault } from '../call.ts';
import { type Port, PortUnavailable } from '../ports.ts';
import type { LeaseOf } from '../token-store.ts';

const AGAIN_MS = 250;

/** Does `work` again and again while the store or the key service is out, and answers what it comes to then. */
export const throughOutages = async <T>(
  { sleep }: { readonly sleep: (ms: number) => Promise<unknown> },
  work: () => Promise<T>,
  ports: readonly Port[] = ['storage', 'keys'],
): Promise<T> => {
  for (;;) {
    try {
      return await work();
    } catch (error) {
      if (!(error instanceof PortUnavailable && ports.includes(error.port))) throw error;
    }
    await sleep(AGAIN_MS);
  }
};

/** Gives a lease back under which nothing was spent: whoever comes next need not wait for it to lapse. */
export const giveBack = (vault: Pick<Vault, 'store'>, of: LeaseOf): Promise<boolean> => vault.store.release(of);

/** The same after a failure, as far as it can be done. */
export const giveBackAnd =
  (vault: Pick<Vault, 'store'>, of: LeaseOf) =>
  async (error: unknown): Promise<never> => {
    await giveBack(vault, of).catch(() => undefined);
    throw error;
  };
