import { setTimeout as sleep } from 'node:timers/promises';
import { applyTopics } from '@vault-engine/bus';
import type { RunningService } from '@vault-engine/local';
import { afterAll, beforeAll, expect, it, onTestFinished, vi } from 'vitest';
import { checkInvariant } from './check-invariant.ts';
import { faultConfig } from './config.ts';
import { differingStates } from './differing-states.ts';
import { type Asked, findLostConnections, type Kill } from './find-lost-connections.ts';
import { getTokenPatiently } from './get-token-patiently.ts';
import { openRefreshingVault, type RefreshingService, type RefreshingVault } from './open-refreshing-vault.ts';
import { type SeededRandom, seededRandom } from './seeded-random.ts';
import { watchCommits } from './watch-commits.ts';
import { workerGroup } from './worker-group.ts';

const A_BROKER_AND_FIVE_PROCESSES_MS = 120_000;

let at: RefreshingVault;
beforeAll(async () => {
  at = await openRefreshingVault();
}, A_BROKER_AND_FIVE_PROCESSES_MS);
afterAll(() => at?.close(), A_BROKER_AND_FIVE_PROCESSES_MS);

const CALLERS = 200;

/** So many who ask at the same time, over several engines. */
const ask = (userId: string, callers: number) =>
  Promise.all(
    Array.from({ length: callers }, (_, index) => {
      const client = at.clients[index % at.clients.length] ?? at.clients[0];
      return getTokenPatiently(client, { userId, platform: at.platform });
    }),
  );

const callsSince = () => {
  const before = at.server.counts().refreshes;
  return () => {
    const { total, refreshed, refused } = at.server.counts().refreshes;
    return { total: total - before.total, refreshed: refreshed - before.refreshed, refused: refused - before.refused };
  };
};

const questionsSince = () => {
  const before = at.server.counts().introspections;
  return () => {
    const { active, inactive } = at.server.counts().introspections;
    return { active: active - before.active, inactive: inactive - before.inactive };
  };
};

it(`asks the provider once where ${CALLERS} ask three workers for a lapsed token, beside a scheduler`, async () => {
  at.answerAfter(() => 200);
  const rounds = faultConfig.full ? 50 : 3;
  for (let round = 0; round < rounds; round += 1) {
    const calls = callsSince();
    const userId = `storm-${round}`;
    await at.connect(userId);
    const got = await ask(userId, CALLERS);
    const tokens = new Set(got.map(({ issued, code }) => issued?.accessToken ?? code));
    expect(tokens.size).toBe(1);
    expect(await at.server.accepts([...tokens][0] ?? '')).toBe(true);
    expect(calls()).toEqual({ total: 1, refreshed: 1, refused: 0 });
  }
  expect(await differingStates(at.vault)).toEqual([]);
}, 120_000);

it.each<RefreshingService>(['command-worker', 'refresh-scheduler'])(
  'finishes what it has begun when the %s is told to stop while the provider is asked',
  async (service) => {
    at.answerAfter(() => 1_200);
    const calls = callsSince();
    const userId = `told-${service}`;
    const get = () => getTokenPatiently(at.clients[0], { userId, platform: at.platform });
    const byWorker = service === 'command-worker';
    if (byWorker) holdStill(at.processes('refresh-scheduler'));
    await at.connect(userId);
    const asked = byWorker ? get() : null;
    await vi.waitUntil(() => calls().total === 1, { timeout: 10_000, interval: 10 });
    await replaceAll(service, (one) => one.stop(GRACE_MS));
    const { issued } = await (asked ?? get());
    expect(await at.server.accepts(issued?.accessToken ?? '')).toBe(true);
    expect(calls()).toEqual({ total: 1, refreshed: 1, refused: 0 });
    expect(await differingStates(at.vault)).toEqual([]);
  },
);

it.each<RefreshingService>(['command-worker', 'refresh-scheduler'])(
  'loses no connection when the %s is killed before its request arrives: the server says that the refresh token is unspent',
  async (service) => {
    at.answerAfter(() => 0);
    const [calls, questions] = [callsSince(), questionsSince()];
    const userId = `unasked-${service}`;
    const get = () => getTokenPatiently(at.clients[0], { userId, platform: at.platform });
    const byWorker = service === 'command-worker';
    if (byWorker) holdStill(at.processes('refresh-scheduler'));
    const lost = at.loseRequest();
    await at.connect(userId);
    const asked = byWorker ? get() : null;
    await lost;
    await replaceAll(service, (one) => one.kill('SIGKILL'));
    const { issued, code } = await (asked ?? get());
    expect(code).toBeNull();
    expect(await at.server.accepts(issued?.accessToken ?? '')).toBe(true);
    expect(calls()).toEqual({ total: 1, refreshed: 1, refused: 0 });
    expect(questions()).toEqual({ active: 1, inactive: 0 });
    expect(await differingStates(at.vault)).toEqual([]);
  },
  60_000,
);

/** What Kubernetes gives. */
const GRACE_MS = 30_000;

/** Ends all that run, at the same time: nobody knows which of them is at it. */
const replaceAll = async (service: RefreshingService, end: (one: RunningService) => Promise<void>): Promise<void> => {
  // As many as there are before the first leaves.
  const replacing = [...at.processes(service)].map(() => at.replace(service, 0, end));
  await Promise.all((await Promise.all(replacing)).map(({ replaced }) => replaced));
};

/** Until the test has finished: only the others may be at it. */
const holdStill = (processes: readonly RunningService[]): void => {
  for (const { pid } of processes) {
    process.kill(pid, 'SIGSTOP');
    onTestFinished(() => void process.kill(pid, 'SIGCONT'));
  }
};

const ROUNDS = faultConfig.full ? 1_000 : 20;
/** Of {@link CALLERS} together. */
const CONNECTIONS = 4;
/** How many rounds may wait for what their kill has left: a lease to lapse. */
const ROUNDS_AT_ONCE = 12;
/** Of four processes so many may be on their way at most. */
const REPLACED_AT_ONCE = 2;
/** A kill falls so long after one of the round's refreshes has taken effect, or after the round's beginning. */
const KILLED_WITHIN_MS = 250;

it(
  `loses no connection in ${ROUNDS} storms with a kill each, but those whose answer the kill has kept from being written`,
  async () => {
    const random = seededRandom('storms');
    const latency = random.branch(0);
    at.answerAfter(() => 50 + latency.int(250));
    await keepReplies();
    const [calls, questions] = [callsSince(), questionsSince()];
    const commits = watchCommits(at.vault.bus, workerGroup(at.vault), at.vault.topics.commands);
    const kills: Kill[] = [];
    const asked = await storms(random.branch(1), kills);
    // Before they are compared with what the server says by then.
    const { active, inactive } = questions();
    const outcomes = await findLostConnections(at, asked, kills);
    const { breaches, renewed, lost, interrupted } = outcomes;
    console.log(
      `${ROUNDS} kills interrupted ${interrupted} renewals: ${renewed} connections were renewed, ${lost} lost;`,
    );
    console.log(`after a kill the server said of ${active} refresh tokens that they were unspent, of ${inactive} not`);
    expect(breaches).toEqual([]);
    expect(calls()).toEqual({ total: renewed + lost, refreshed: renewed + lost, refused: 0 });
    expect(interrupted).toBeGreaterThan(0);
    expect(await brokenChains(asked)).toEqual([]);
    const [writer, reader] = [at.clients[0], at.clients[0]];
    const account = { seen: [], users: new Map() };
    // Each is compared with every command: of a long run a part of them.
    const samples = (await commits.stop()).filter((_, index) => index % Math.ceil(ROUNDS / 100) === 0);
    await checkInvariant(at.vault, { account, callers: { writer, reader }, samples });
  },
  ROUNDS * 5_000 + 120_000,
);

/** Longer than the run takes: what came of each command is compared at its end, and replies lie on their topics for minutes. */
const keepReplies = async (): Promise<void> => {
  const { bus, engines, topics } = at.vault;
  const kept = Object.keys(engines).map((engine) => ({
    name: topics.replies(engine),
    partitions: 1,
    config: { 'retention.ms': '86400000' },
  }));
  await applyTopics(bus, kept, { replicationFactor: 1 });
};

/** Rounds follow one another, and do not wait for each other's ends. */
const storms = async (random: SeededRandom, kills: Kill[]): Promise<readonly Asked[]> => {
  const open: Promise<readonly Asked[]>[] = [];
  const replaced: Promise<void>[] = [];
  for (let round = 0; round < ROUNDS; round += 1) {
    await open[round - ROUNDS_AT_ONCE];
    await replaced[round - REPLACED_AT_ONCE];
    const refreshedOf = countRefreshed();
    const users = Array.from({ length: CONNECTIONS }, (_, index) => `killed-${round}-${index}`);
    const begun = await Promise.all(users.map(async (userId) => ({ userId, refreshToken: await at.connect(userId) })));
    open.push(Promise.all(begun.map(async (one) => ({ ...one, got: await ask(one.userId, CALLERS / CONNECTIONS) }))));
    await refreshedOf(random.int(CONNECTIONS));
    await sleep(random.int(KILLED_WITHIN_MS));
    replaced.push((await killOne(random, kills)).replaced);
  }
  await Promise.all(replaced);
  return (await Promise.all(open)).flat();
};

/** Resolves when the server has renewed so many more; not all of them may be asked for while a group is joined anew. */
const countRefreshed = () => {
  const calls = callsSince();
  return (count: number) =>
    vi.waitUntil(() => calls().refreshed >= count, { timeout: 2_000, interval: 5 }).catch(() => undefined);
};

const killOne = async (random: SeededRandom, kills: Kill[]) => {
  const drawn = random.pick<RefreshingService>(['command-worker', 'command-worker', 'refresh-scheduler']);
  const service = at.processes(drawn).length > 0 ? drawn : 'command-worker';
  const which = random.int(at.processes(service).length);
  const from = Date.now();
  const killed = await at.replace(service, which, (one) => one.kill('SIGKILL'));
  kills.push({ service, from, to: Date.now() });
  return killed;
};

/** Users whose stored refresh token the server does not take: their next renewal fails. */
const brokenChains = async (asked: readonly Asked[]): Promise<readonly string[]> => {
  at.answerAfter(() => 0);
  const kept = asked.flatMap(({ userId, got }) => {
    const version = got.find(({ issued }) => issued !== null)?.issued?.tokenVersion;
    return version === undefined ? [] : [{ userId, version }];
  });
  const renewed = await Promise.all(
    kept.map(async ({ userId, version }) => {
      const input = { userId, platform: at.platform, rejectedVersion: version };
      const { issued, code } = await getTokenPatiently(at.clients[0], input);
      return issued !== null && issued.tokenVersion > version ? [] : [`${userId}: ${code}`];
    }),
  );
  return renewed.flat();
};
