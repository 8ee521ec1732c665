import { setTimeout as sleep } from 'node:timers/promises';
import { type VaultClient, VaultError } from '@vault-engine/client';
import { predict, type Step, UNKNOWN_USER, type UserState } from './predict.ts';
import type { SeededRandom } from './seeded-random.ts';

/** Who asks, by whichever way: one engine changes, another one reads. */
export interface Callers {
  readonly writer: Pick<VaultClient, 'storeToken' | 'revokeToken' | 'forgetUser'>;
  readonly reader: {
    readonly getToken: (...asked: Parameters<VaultClient['getToken']>) => Promise<{ readonly accessToken: string }>;
    readonly getStatus: (
      ...asked: Parameters<VaultClient['getStatus']>
    ) => Promise<{ readonly platforms: readonly { readonly platform: string; readonly status: string }[] }>;
  };
}

/** What traffic is made of. */
export interface TrafficPlan {
  readonly random: SeededRandom;
  /** Begins every user id and idempotency key, so that several kinds of traffic run side by side. */
  readonly name: string;
  /** All at the same time; each one's steps follow one another. */
  readonly users: number;
  readonly stepsPerUser: number;
  /** Between two steps of one user. 0 where nothing is said. */
  readonly paceMs?: number;
  /** For each attempt. The clients' own where nothing is said. */
  readonly timeoutMs?: number;
  /** A step that has no answer after this long stays without one. 60 s where nothing is said. */
  readonly giveUpMs?: number;
}

/** A step, and what its caller has seen of it. */
export interface Seen {
  readonly step: Step;
  /** The codes of the retryable errors before the answer. */
  readonly errors: readonly string[];
  /** As `predict` puts it; null: none. */
  readonly answer: string | null;
  readonly expected: string;
  /** The revision that a change was answered with; null where the answer has none. */
  readonly revision: number | null;
  readonly tookMs: number;
}

/** What all callers have seen. */
export interface Account {
  readonly seen: readonly Seen[];
  readonly users: ReadonlyMap<string, UserState>;
}

/** Traffic on its way. */
export interface Traffic {
  readonly done: Promise<Account>;
  /** How many steps are answered. */
  readonly count: () => number;
  /** Resolves when `count` steps are answered. */
  readonly answered: (count: number) => Promise<void>;
  /** Lets each user finish the step that is under way, and no more. */
  readonly stop: () => Promise<Account>;
}

const PLATFORMS = ['gmail', 'notion', 'slack'] as const;
const KINDS = ['store', 'store', 'store', 'get', 'get', 'get', 'status', 'revoke', 'forget'] as const;
const RETRY_AFTER_MS = 100;

/** Starts traffic. Retryable errors are repeated under the same idempotency key, as every caller should. */
export const startTraffic = (callers: Callers, plan: TrafficPlan): Traffic => {
  const seen: Seen[] = [];
  const waiting: { count: number; resolve: () => void }[] = [];
  const stopping = { now: false };
  const note = (one: Seen): void => {
    seen.push(one);
    for (const { resolve } of waiting.filter(({ count }) => seen.length >= count)) resolve();
  };
  const users = Array.from({ length: plan.users }, (_, index) => runUser(callers, plan, index, stopping, note));
  const done = Promise.all(users).then((states) => ({ seen, users: new Map(states) }));
  return {
    done,
    count: () => seen.length,
    answered: async (count) => {
      const { promise, resolve } = Promise.withResolvers<void>();
      waiting.push({ count, resolve });
      if (seen.length >= count) resolve();
      await Promise.race([promise, done]);
    },
    stop: () => {
      stopping.now = true;
      return done;
    },
  };
};

const runUser = async (
  callers: Callers,
  plan: TrafficPlan,
  index: number,
  stopping: { readonly now: boolean },
  note: (seen: Seen) => void,
): Promise<[string, UserState]> => {
  const user = `${plan.name}-u${index}`;
  const random = plan.random.branch(index);
  let state = UNKNOWN_USER;
  for (let number = 0; number < plan.stepsPerUser && !stopping.now; number += 1) {
    const step = stepOf(random, user, number);
    const prediction = predict(state, step);
    const asked = performance.now();
    const { answer, revision, errors } = await askUntilAnswered(callers, plan, step);
    state = prediction.next;
    note({ step, errors, answer, expected: prediction.answer, revision, tookMs: performance.now() - asked });
    if (answer === null) break;
    if (plan.paceMs !== undefined) await sleep(plan.paceMs);
  }
  return [user, state];
};

const stepOf = (random: SeededRandom, user: string, number: number): Step => ({
  kind: random.pick(KINDS),
  user,
  platform: random.pick(PLATFORMS),
  token: `token-of-${user}-${number}`,
  expiresAt: Date.now() + HOUR_MS,
  idempotencyKey: `${user}-${number}`,
});

interface Answer {
  readonly answer: string | null;
  readonly revision: number | null;
}

const askUntilAnswered = async (
  callers: Callers,
  { timeoutMs, giveUpMs = 60_000 }: TrafficPlan,
  step: Step,
): Promise<Answer & { readonly errors: readonly string[] }> => {
  const errors: string[] = [];
  const giveUpAt = performance.now() + giveUpMs;
  for (;;) {
    try {
      return { ...(await ask(callers, step, timeoutMs)), errors };
    } catch (error) {
      if (!(error instanceof VaultError)) throw error;
      if (!error.retryable) return { answer: error.code, revision: null, errors };
      errors.push(error.code);
      if (performance.now() > giveUpAt) return { answer: null, revision: null, errors };
      await sleep(error.retryAfterMs ?? RETRY_AFTER_MS);
    }
  }
};

const ask = async ({ writer, reader }: Callers, step: Step, timeoutMs: number | undefined): Promise<Answer> => {
  const { user: userId, platform, token: accessToken, expiresAt, idempotencyKey } = step;
  const how = { timeoutMs, idempotencyKey };
  switch (step.kind) {
    case 'store': {
      const { revision } = await writer.storeToken({ userId, platform, accessToken, scopes: [], expiresAt }, how);
      return { answer: 'stored', revision };
    }
    case 'get':
      return { answer: (await reader.getToken({ userId, platform }, { timeoutMs })).accessToken, revision: null };
    case 'status': {
      const { platforms } = await reader.getStatus({ userId }, { timeoutMs });
      const connected = platforms.filter(({ status }) => status === 'CONNECTED').map(({ platform: name }) => name);
      return { answer: connected.sort().join(), revision: null };
    }
    case 'revoke':
      return { answer: 'revoked', revision: (await writer.revokeToken({ userId, platform }, how)).revision };
    case 'forget':
      return { answer: String((await writer.forgetUser({ userId }, how)).connections), revision: null };
  }
};

const HOUR_MS = 3_600_000;
