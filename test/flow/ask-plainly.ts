import { setTimeout as sleep } from 'node:timers/promises';
import type { VaultClient } from '@vault-engine/client';

/** One `GetToken`, as its caller saw it. */
export interface Asked {
  readonly user: string;
  /** Unix milliseconds. */
  readonly at: number;
  readonly tookMs: number;
  /** Null: a token came; else the code of what came instead. */
  readonly failed: string | null;
}

/** How a client asks. */
export interface PlainTraffic {
  readonly client: Pick<VaultClient, 'getToken'>;
  readonly platform: string;
  readonly users: readonly string[];
  /** On average: the times between are those of callers who know nothing of each other. */
  readonly perSecond: number;
  /** In [0, 1). */
  readonly random: () => number;
}

/** Asks for tokens of random users until `signal` aborts, however long the answers take; adds each to `into` when it is answered. */
export const askPlainly = async (
  { client, platform, users, perSecond, random }: PlainTraffic,
  into: Asked[],
  signal: AbortSignal,
): Promise<void> => {
  const under = new Set<Promise<void>>();
  const ask = async (user: string): Promise<void> => {
    const [at, began] = [Date.now(), performance.now()];
    const failed = await client.getToken({ userId: user, platform }).then(() => null, codeOf);
    into.push({ user, at, tookMs: performance.now() - began, failed });
  };
  for (let next = performance.now(); !signal.aborted; next += (-Math.log(1 - random()) * 1_000) / perSecond) {
    const early = next - performance.now();
    if (early > 0) await sleep(early);
    const asking = ask(users[Math.floor(random() * users.length)] ?? '').finally(() => under.delete(asking));
    under.add(asking);
  }
  await Promise.all(under);
};

const codeOf = (error: unknown): string => (error instanceof Error ? error.message : String(error));
