import { setTimeout as sleep } from 'node:timers/promises';
import { connectBus } from '@vault-engine/bus';
import { connectVault, type VaultClient, type VaultOptions } from '@vault-engine/client';
import { openCodec, topicNames } from '@vault-engine/contracts';
import { followStates } from '@vault-engine/state';
import { answerOnce } from './ask-process.ts';
import { readArgument } from './echo-place.ts';
import { percentile } from './percentile.ts';
import { ShownStates } from './shown-states.ts';
import { PLATFORM, TOKEN, userOf } from './users.ts';

/** What is asked of the client: changes at a rate, whatever becomes of them, or one after the other. */
export interface DelayQuestion {
  readonly vault: VaultOptions & { readonly topicPrefix: string };
  /** null: one after the other, each a while after the topic showed the one before. */
  readonly perSecond: number | null;
  readonly warmUpMs: number;
  readonly measureMs: number;
}

/** From a command's reply to its snapshot in the hands of a reader of the topic, milliseconds. */
export interface Delays {
  readonly count: number;
  readonly per_second: number;
  readonly p50_ms: number;
  readonly p99_ms: number;
  readonly most_ms: number;
}

const LIVES_MS = 3_600_000;
const BETWEEN_MS = 20;
const TICK_MS = 5;

/** Makes a change, and answers how long after its reply the topic showed it. */
type ChangeAndSee = (n: number) => Promise<number>;

const delays = async (question: DelayQuestion): Promise<Delays> => {
  const client = await connectVault(question.vault);
  const states = await followShown(question.vault);
  const change: ChangeAndSee = async (n) => {
    const { revision } = await store(client, n);
    return states.delay(userOf(n), revision, performance.now());
  };
  const load = question.perSecond === null ? oneByOne : atRate(question.perSecond);
  await load(change, question.warmUpMs);
  const began = performance.now();
  const took = (await load(change, question.measureMs)).toSorted((a, b) => a - b);
  return {
    count: took.length,
    per_second: (took.length * 1_000) / (performance.now() - began),
    p50_ms: percentile(took, 0.5),
    p99_ms: percentile(took, 0.99),
    most_ms: percentile(took, 1),
  };
};

const followShown = async ({ brokers, registryUrl, topicPrefix }: DelayQuestion['vault']): Promise<ShownStates> => {
  const shown = new ShownStates();
  const { ready } = await followStates({
    bus: connectBus({ brokers, clientId: 'bench' }),
    codec: await openCodec({ registryUrl }),
    topic: topicNames(topicPrefix).connectionState,
    onRecord: (record) => {
      if (record.kind === 'snapshot') shown.show(record.user, record.revision, performance.now());
    },
    onReset: () => process.exit(1),
    onFatal: () => process.exit(1),
  });
  await ready;
  return shown;
};

const store = (client: VaultClient, n: number) =>
  client.storeToken({
    userId: userOf(n),
    platform: PLATFORM,
    accessToken: TOKEN,
    refreshToken: TOKEN,
    expiresAt: Date.now() + LIVES_MS,
    scopes: ['email', 'profile'],
  });

const oneByOne = async (change: ChangeAndSee, ms: number): Promise<readonly number[]> => {
  const took: number[] = [];
  for (const began = performance.now(); performance.now() - began < ms; ) {
    took.push(await change(took.length));
    await sleep(BETWEEN_MS);
  }
  return took;
};

/** An open loop: what is slow does not slow down what comes after it. */
const atRate =
  (perSecond: number) =>
  async (change: ChangeAndSee, ms: number): Promise<readonly number[]> => {
    const took: Promise<number>[] = [];
    const began = performance.now();
    for (let passed = 0; passed < ms; passed = performance.now() - began) {
      while (took.length < (passed * perSecond) / 1_000) took.push(change(took.length));
      await sleep(TICK_MS);
    }
    return Promise.all(took);
  };

await answerOnce(() => delays(readArgument<DelayQuestion>()));
