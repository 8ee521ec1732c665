import { setTimeout as sleep } from 'node:timers/promises';
import { type Checked, findBreaches } from '../faults/find-breaches.ts';
import type { SeededRandom } from '../faults/seeded-random.ts';
import { type Account, type Callers, startTraffic, type Traffic } from '../faults/traffic.ts';
import { watchCommits } from '../faults/watch-commits.ts';
import { workerGroup } from '../faults/worker-group.ts';
import type { Fault } from './break-something.ts';
import type { SoakVault } from './open-soak-vault.ts';

/** What one round is made of. */
export interface RoundPlan {
  readonly number: number;
  readonly callers: { readonly kafka: Callers; readonly http: Callers };
  readonly faults: Iterator<Fault, never>;
  readonly random: SeededRandom;
  /** Whether it is time for the check. */
  readonly isOver: () => boolean;
  readonly onTraffic: (answers: () => number) => void;
  readonly onFault: (name: string, tookMs: number) => void;
}

/** What it came to. */
export interface Round {
  readonly account: Account;
  readonly breaches: readonly string[];
  readonly checked: Checked;
}

const USERS = { kafka: 20, http: 10 };
const PACE_MS = 40;
const TIMEOUT_MS = 5_000;
const GIVE_UP_MS = 120_000;
/** After a fault there are so many answers before the next one: what it has broken is whole again. */
const ANSWERS_BETWEEN = 200;
const LONGEST_QUIET_MS = 5_000;

/** Traffic over Kafka and HTTP with one fault after another; then everybody's last step, and the invariant. */
export const runRound = async (soak: SoakVault, plan: RoundPlan): Promise<Round> => {
  const { vault } = soak;
  const since = Date.now();
  const commits = watchCommits(vault.bus, workerGroup(vault), vault.topics.commands);
  const traffics = (['kafka', 'http'] as const).map((way) => startWay(plan, way));
  const answers = (): number => traffics.reduce((sum, traffic) => sum + traffic.count(), 0);
  plan.onTraffic(answers);
  do await breakNext(soak, plan, traffics);
  while (!plan.isOver());
  const account = merged(await Promise.all(traffics.map((traffic) => traffic.stop())));
  const samples = await commits.stop();
  const found = await findBreaches(vault, { account, callers: plan.callers.kafka, samples, since });
  return { account, ...found };
};

const startWay = ({ number, callers, random }: RoundPlan, way: 'kafka' | 'http'): Traffic =>
  startTraffic(callers[way], {
    name: `r${number}-${way}`,
    random: random.branch(way === 'kafka' ? 1 : 2),
    users: USERS[way],
    stepsPerUser: Number.POSITIVE_INFINITY,
    paceMs: PACE_MS,
    timeoutMs: TIMEOUT_MS,
    giveUpMs: GIVE_UP_MS,
  });

const breakNext = async (soak: SoakVault, plan: RoundPlan, traffics: readonly Traffic[]): Promise<void> => {
  await sleep(plan.random.int(LONGEST_QUIET_MS));
  const fault = plan.faults.next().value;
  const began = performance.now();
  await fault.run(soak, plan.random);
  plan.onFault(fault.name, performance.now() - began);
  await Promise.all(traffics.map((traffic) => traffic.answered(traffic.count() + ANSWERS_BETWEEN)));
};

const merged = (accounts: readonly Account[]): Account => ({
  seen: accounts.flatMap(({ seen }) => seen),
  users: new Map(accounts.flatMap(({ users }) => [...users])),
});
